"""Websockets into mounted applications."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import flask
import pytest
import quart
import socketio  # type: ignore[import-untyped]
from flask_sock import Sock  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect
from werkzeug.middleware.proxy_fix import ProxyFix

from aeros_compat import WebServer

from ..servers import served, wait_for
from ..websocket_client import close_of, open_websocket, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.websockets import WebSocket


def guarded(app: WebServer) -> None:
    """WSGI middleware that lets nobody in without a key."""
    inner = app.wsgi_app

    def guard(environ: Any, start_response: Any) -> Iterable[bytes]:
        if "key" not in environ["QUERY_STRING"]:
            start_response("401 UNAUTHORIZED", [("Content-Type", "text/plain")])
            return [b"no key"]
        return inner(environ, start_response)

    app.wsgi_app = guard  # type: ignore[method-assign]


def starlette(left: list[int]) -> Starlette:
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept(next(iter(websocket.scope["subprotocols"]), None), headers=[(b"x-kind", b"starlette")])
        await websocket.send_text(f"{websocket.scope['root_path']} {websocket.scope['path']} {websocket.url.path}")
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message["code"])
                if message.get("text") == "bye":
                    await websocket.close(4321, "as you wish")
                    return
                await websocket.send(
                    {"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")}
                )
        except WebSocketDisconnect as error:
            left.append(error.code)

    async def refuse(websocket: WebSocket) -> None:
        await websocket.send_denial_response(PlainTextResponse("not today", 418, {"X-Why": "tea"}))

    async def closed(websocket: WebSocket) -> None:
        await websocket.close()

    async def failing(websocket: WebSocket) -> None:
        await websocket.accept()
        raise LookupError("in a mounted websocket")

    return Starlette(
        routes=[
            WebSocketRoute("/echo/{name}", echo),
            WebSocketRoute("/refuse", refuse),
            WebSocketRoute("/closed", closed),
            WebSocketRoute("/failing", failing),
        ]
    )


@pytest.fixture(params=["alone", "behind WSGI middleware"])
def outer(request: pytest.FixtureRequest, app: WebServer) -> WebServer:
    if request.param != "alone":
        guarded(app)
    return app


def test_asgi_application(outer: WebServer) -> None:
    left: list[int] = []
    outer.mount("/star", starlette(left))
    with served(outer) as url:
        with open_websocket(url, "/star/echo/a%20b?key", subprotocols=["chat"], max_size=None) as websocket:
            assert websocket.response is not None
            assert websocket.response.headers["x-kind"] == "starlette"
            assert websocket.subprotocol == "chat"
            assert websocket.recv() == "/star /star/echo/a b /star/echo/a b"
            for message in ("text", b"\x00\xff", "ä" * 100_000):
                websocket.send(message)
                assert websocket.recv() == message
            websocket.send("bye")
            assert close_of(websocket) == (4321, "as you wish")
        with open_websocket(url, "/star/echo/x?key") as websocket:
            websocket.recv()
            websocket.close(4000)
        wait_for(lambda: left == [4000], timeout=5)
        response = refusal(url, "/star/refuse?key")
        assert (response.status_code, response.body, response.headers["x-why"]) == (418, b"not today", "tea")
        assert refusal(url, "/star/closed?key").status_code == 403
        with open_websocket(url, "/star/failing?key") as websocket:
            # Alone it is the server's business: uvicorn 0.54 sends no close frame.
            assert close_of(websocket)[0] == (1011 if outer.encloses_mounts else 1006)
        assert refusal(url, "/starling?key").status_code == 404


def test_guards_stand_in_front_of_mounted_websockets(app: WebServer) -> None:
    guarded(app)
    app.mount("/star", starlette([]))
    with served(app) as url:
        response = refusal(url, "/star/echo/x")
        assert (response.status_code, response.body) == (401, b"no key")


def test_another_web_server(outer: WebServer) -> None:
    inner = WebServer("inner")
    inner.secret_key = "only for tests"
    sock = Sock(inner)

    @inner.websocket("/async")
    async def awaited() -> None:
        await quart.websocket.send(f"{quart.websocket.root_path} {flask.url_for('later', _external=False)}")
        await quart.websocket.send(await quart.websocket.receive())

    @sock.route("/sync")  # type: ignore[untyped-decorator]
    def sync(ws: Any) -> None:
        ws.send(f"{flask.request.script_root} {flask.url_for('later', _external=False)}")
        ws.send(ws.receive())

    inner.add_url_rule("/later", view_func=lambda: "later", endpoint="later")
    outer.mount("/inner", inner)
    with served(outer) as url:
        for path in ("async", "sync"):
            with open_websocket(url, f"/inner/{path}?key") as websocket:
                assert websocket.recv() == "/inner /inner/later"
                websocket.send("echo")
                assert websocket.recv() == "echo"
                assert close_of(websocket)[0] == 1000


def test_flask_application_with_flask_sock(outer: WebServer) -> None:
    """A WSGI application, as it was: it finds a socket in its environ, as under Werkzeug's own server."""
    old = flask.Flask("old")
    threads: list[str] = []
    sock = Sock(old)

    @sock.route("/echo")  # type: ignore[untyped-decorator]
    def echo(ws: Any) -> None:
        threads.append(threading.current_thread().name)
        ws.send(flask.request.script_root)
        ws.send(ws.receive())

    outer.mount("/old", old)
    with served(outer) as url:
        with open_websocket(url, "/old/echo?key") as websocket:
            assert websocket.recv() == "/old"
            websocket.send("echo")
            assert websocket.recv() == "echo"
            assert close_of(websocket)[0] == 1000
        assert refusal(url, "/old/nothing?key").status_code == 404
    assert threads[0].startswith("aeros-lease")


def test_python_socketio(outer: WebServer) -> None:
    """Its ASGI application beside the views, under a prefix: the path of Socket.IO is the whole one."""
    sio = socketio.AsyncServer(async_mode="asgi")

    @sio.event  # type: ignore[untyped-decorator]
    async def ask(sid: str, data: str) -> str:
        return data.upper()

    outer.mount("/live", socketio.ASGIApp(sio, socketio_path="/live/socket.io"))
    outer.add_url_rule("/", view_func=lambda: "home", endpoint="home")
    with served(outer) as url:
        for transport in ("websocket", "polling"):
            client = socketio.Client()
            client.connect(f"{url}?key", transports=[transport], socketio_path="/live/socket.io", wait_timeout=30)
            assert client.transport() == transport
            assert client.call("ask", "hello") == "HELLO"
            client.disconnect()


def test_proxies(app: WebServer) -> None:
    app.mount("/star", starlette([]))

    @app.websocket("/own")
    async def own() -> None:
        websocket = quart.websocket
        await websocket.send(
            f"{flask.request.remote_addr} {websocket.remote_addr} {flask.request.scheme} {websocket.host}"
        )

    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1, x_prefix=1)  # type: ignore[method-assign]
    headers = {
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "shop.example",
        "X-Forwarded-Prefix": "/shop",
    }
    with served(app) as url:
        with open_websocket(url, "/own", additional_headers=headers) as websocket:
            assert websocket.recv() == "192.0.2.1 192.0.2.1 https shop.example"
        with open_websocket(url, "/star/echo/x", additional_headers=headers) as websocket:
            assert websocket.recv() == "/shop/star /shop/star/echo/x /shop/star/echo/x"
