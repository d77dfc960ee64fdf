"""Applications written for flask-sock, Flask-SocketIO and python-socketio, unchanged, on real sockets."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import flask
import flask_socketio  # type: ignore[import-untyped]
import httpx
import pytest
import quart
import simple_websocket  # type: ignore[import-untyped]
import socketio  # type: ignore[import-untyped]
import wsproto
from flask_sock import Sock  # type: ignore[import-untyped]

from .servers import served, wait_for
from .websocket_client import close_of, drop, open_websocket, refusal

if TYPE_CHECKING:
    from aeros_compat import WebServer


@pytest.fixture
def sock(app: WebServer) -> Sock:
    return Sock(app)


@pytest.fixture
def seen() -> list[Any]:
    return []


def test_flask_sock_echoes(app: WebServer, sock: Sock) -> None:
    @sock.route("/echo/<name>")  # type: ignore[untyped-decorator]
    def echo(ws: Any, name: str) -> None:
        ws.send(f"{name} {flask.request.path} {flask.request.args['a']}")
        while True:
            ws.send(ws.receive())

    with served(app) as url, open_websocket(url, "/echo/ada?a=1", max_size=None) as websocket:
        assert websocket.recv() == "ada /echo/ada 1"
        for message in ("text", "ä" * 70_000, b"\x00\xff", b"x" * 3_000_000):
            websocket.send(message)
            assert websocket.recv() == message
        websocket.send(["in ", "pieces"])
        assert websocket.recv() == "in pieces"
        websocket.ping().wait(10)


def test_flask_sock_runs_flasks_whole_cycle_on_one_thread(app: WebServer, seen: list[Any]) -> None:
    blueprint = flask.Blueprint("chat", __name__, url_prefix="/chat")
    sock = Sock()
    for name in ("before_request", "teardown_request", "teardown_appcontext"):
        getattr(app, name)(lambda *args, name=name: seen.append((name, threading.get_ident())))
    app.before_websocket(lambda: seen.append("before_websocket"))

    @blueprint.before_request
    def keep() -> None:
        flask.g.kept = flask.session.get("user")

    @sock.route("/room", bp=blueprint)  # type: ignore[untyped-decorator]
    def room(ws: Any) -> None:
        seen.append(("view", threading.get_ident()))
        ws.send(f"{flask.g.kept} {flask.request.blueprint}")

    app.register_blueprint(blueprint)
    sock.init_app(app)
    client = app.test_client()
    with client.session_transaction() as session:
        session["user"] = "ada"
    cookie = client.get_cookie("session")
    assert cookie is not None
    seen.clear()
    headers = {"Cookie": f"session={cookie.value}"}
    with served(app) as url, open_websocket(url, "/chat/room", additional_headers=headers) as websocket:
        assert websocket.recv() == "ada chat"
        assert close_of(websocket) == (1000, "")
        wait_for(lambda: len(seen) == 4)
    assert [name for name, _ in seen] == ["before_request", "view", "teardown_request", "teardown_appcontext"]
    assert len({thread for _, thread in seen}) == 1


def test_flask_sock_refusals(app: WebServer, sock: Sock, seen: list[Any]) -> None:
    @sock.route("/echo")  # type: ignore[untyped-decorator]
    def echo(ws: Any) -> None:
        seen.append("view")

    @app.before_request
    def guard() -> Any:
        if "token" not in flask.request.args:
            return {"no": "entry"}, 401
        return None

    @app.after_request
    def after(response: flask.Response) -> flask.Response:
        response.headers["X-After"] = "1"
        return response

    with served(app) as url:
        response = refusal(url, "/echo")
        assert (response.status_code, response.headers["X-After"]) == (401, "1")
        assert flask.json.loads(bytes(response.body or b"")) == {"no": "entry"}
        assert refusal(url, "/nothing?token=1").status_code == 404
    assert seen == []


def test_close_codes_pass_both_ways(app: WebServer, sock: Sock, seen: list[Any]) -> None:
    @sock.route("/closes")  # type: ignore[untyped-decorator]
    def closes(ws: Any) -> None:
        ws.send("x")
        ws.close(4001, "enough")

    @sock.route("/waits")  # type: ignore[untyped-decorator]
    def waits(ws: Any) -> None:
        ws.send("x")
        try:
            ws.receive()
        except simple_websocket.ConnectionClosed as error:
            seen.append((int(error.reason), error.message))

    with served(app) as url:
        with open_websocket(url, "/closes") as websocket:
            assert websocket.recv() == "x"
            assert close_of(websocket) == (4001, "enough")
        for number, (code, reason) in enumerate(((1000, ""), (4002, "bye"), (1001, "leaving")), 1):
            with open_websocket(url, "/waits") as websocket:
                websocket.recv()
                websocket.close(code, reason)
            wait_for(lambda number=number: len(seen) == number)  # type: ignore[misc]
        with open_websocket(url, "/waits") as websocket:
            websocket.recv()
            drop(websocket)
        wait_for(lambda: len(seen) == 4)
    assert [(code, reason or "") for code, reason in seen] == [(1000, ""), (4002, "bye"), (1001, "leaving"), (1005, "")]


def test_messages_sent_before_the_client_left_are_received(app: WebServer, sock: Sock, seen: list[Any]) -> None:
    @sock.route("/collect")  # type: ignore[untyped-decorator]
    def collect(ws: Any) -> None:
        time.sleep(0.2)
        while True:
            seen.append(ws.receive())

    with served(app) as url:
        with open_websocket(url, "/collect") as websocket:
            for number in range(20):
                websocket.send(str(number))
        wait_for(lambda: len(seen) == 20)
    assert seen == [str(number) for number in range(20)]


def test_failures_of_a_sync_view(app: WebServer, sock: Sock, caplog: pytest.LogCaptureFixture) -> None:
    app.testing = False

    @sock.route("/fails")  # type: ignore[untyped-decorator]
    def fails(ws: Any) -> None:
        ws.send("x")
        raise ValueError("in the view")

    @app.route("/before", websocket=True)
    def before() -> Any:
        raise ValueError("before the handshake")

    with served(app) as url:
        with open_websocket(url, "/fails") as websocket:
            assert websocket.recv() == "x"
            assert close_of(websocket) == (1011, "")
        assert refusal(url, "/before").status_code == 500
    assert [record.message for record in caplog.records if record.name == app.logger.name] == [
        "Exception on /fails [GET]",
        "Exception on /before [GET]",
    ]


def test_subprotocols_and_server_options(app: WebServer, sock: Sock) -> None:
    app.config["SOCK_SERVER_OPTIONS"] = {"subprotocols": ["two"], "ping_interval": 1, "max_message_size": 10}
    # Without a timeout receive() of simple-websocket 1.1 may miss the end that a message too large brings.
    timeout = 0.2

    @sock.route("/view")  # type: ignore[untyped-decorator]
    def view(ws: Any) -> None:
        while True:
            if message := ws.receive(timeout):
                ws.send(f"{ws.subprotocol} {message}")

    with served(app) as url, open_websocket(url, "/view", subprotocols=["one", "two"]) as websocket:
        assert websocket.subprotocol == "two"
        time.sleep(1.5)  # a ping, which is answered within its second
        websocket.send("x")
        assert websocket.recv() == "two x"
        websocket.send("more than ten")
        assert close_of(websocket)[0] == 1009


def test_a_sync_view_of_the_applications_own(app: WebServer) -> None:
    @app.websocket("/view")
    def view() -> str:
        websocket = simple_websocket.Server.accept(flask.request.environ)
        websocket.send(websocket.receive().upper())
        websocket.close()
        return ""

    with served(app) as url, open_websocket(url, "/view") as websocket:
        websocket.send("x")
        assert websocket.recv() == "X"
        assert close_of(websocket) == (1000, "")


def test_a_view_that_pings_a_client_that_has_closed(app: WebServer, seen: list[Any]) -> None:
    """Code that speaks the protocol in a way of its own, on the same socket."""

    @app.websocket("/view")
    def view() -> str:
        client = flask.request.environ["werkzeug.socket"]
        protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        lines = [f"{name}: {value}" for name, value in flask.request.headers]
        protocol.receive_data("\r\n".join(["GET / HTTP/1.1", *lines, "", ""]).encode())
        (request,) = protocol.events()
        assert isinstance(request, wsproto.events.Request)
        client.sendall(protocol.send(wsproto.events.AcceptConnection(extra_headers=[(b"x-mine", b"yes")])))
        protocol.receive_data(client.recv(65536))
        (close,) = protocol.events()
        assert isinstance(close, wsproto.events.CloseConnection)
        seen.append(close.code)
        # What the protocol object would refuse to make once it has seen the close.
        client.sendall(b"\x89\x00" + protocol.send(close.response()))
        seen.append(client.recv(65536))
        client.close()
        return ""

    with served(app) as url, open_websocket(url, "/view") as websocket:
        assert websocket.response is not None
        assert websocket.response.headers["X-Mine"] == "yes"
        websocket.close(4001)
        wait_for(lambda: len(seen) == 2)
    assert seen == [4001, b""]


def test_a_view_that_writes_what_is_no_frame(app: WebServer, sock: Sock, seen: list[Any]) -> None:
    @sock.route("/view")  # type: ignore[untyped-decorator]
    def view(ws: Any) -> None:
        ws.send("x")
        try:
            while True:
                ws.sock.send(b"\xff" * 65536)
        except OSError:
            seen.append("ended")

    with served(app) as url, open_websocket(url, "/view") as websocket:
        assert websocket.recv() == "x"
        wait_for(lambda: seen == ["ended"])
        assert close_of(websocket)[0] == 1002


def test_a_slow_client_holds_back_a_sync_view(app: WebServer, sock: Sock) -> None:
    count = [0]

    @sock.route("/flood")  # type: ignore[untyped-decorator]
    def flood(ws: Any) -> None:
        for _ in range(2000):
            ws.send(b"x" * 100_000)
            count[0] += 1

    with served(app) as url, open_websocket(url, "/flood", max_queue=1, compression=None) as websocket:
        assert websocket.recv() == b"x" * 100_000
        reached = -1
        while reached != count[0]:
            reached = count[0]
            time.sleep(0.5)
        assert reached < 200  # socket buffers, not 200 MB
        for _ in range(300):
            websocket.recv()
        assert count[0] > reached
        drop(websocket)


def test_sync_websockets_take_no_workers(app: WebServer, sock: Sock) -> None:
    @sock.route("/waits")  # type: ignore[untyped-decorator]
    def waits(ws: Any) -> None:
        ws.send(ws.receive())

    app.add_url_rule("/page", "page", lambda: "page")
    with served(app) as url:
        websockets = [open_websocket(url, "/waits").__enter__() for _ in range(app.worker_threads * 2)]
        assert httpx.get(url + "/page").text == "page"
        app.websocket_threads.lease_limit = len(websockets)
        assert refusal(url, "/waits").status_code == 503
        for websocket in websockets:
            websocket.send("x")
            assert websocket.recv() == "x"
            websocket.__exit__(None, None, None)
        wait_for(lambda: app.websocket_threads.has_room)
        with open_websocket(url, "/waits") as websocket:
            websocket.send("x")
            assert websocket.recv() == "x"


@pytest.fixture
def chat(app: WebServer, seen: list[Any]) -> WebServer:
    """An application of Flask-SocketIO, in its threading mode."""
    sio = flask_socketio.SocketIO(app, async_mode="threading")

    @sio.on("connect")  # type: ignore[untyped-decorator]
    def connect() -> None:
        seen.append(("connect", flask.request.args.get("user"), flask.session.get("user")))

    @sio.on("say")  # type: ignore[untyped-decorator]
    def say(data: Any) -> Any:
        # In text: python-socketio's client takes each message in a thread of its own, and an event with bytes is two.
        flask_socketio.emit("said", {"data": repr(data[:5]), "path": flask.request.path}, broadcast=True)
        return "heard"

    @sio.on("disconnect")  # type: ignore[untyped-decorator]
    def disconnect(*reason: Any) -> None:
        seen.append("disconnect")

    app.teardown_request(lambda exc: seen.append("teardown_request"))
    app.teardown_websocket(lambda exc: seen.append("teardown_websocket"))
    app.add_url_rule("/page", "page", lambda: "page")

    @app.get("/async")
    async def view() -> str:
        await asyncio.sleep(0)
        return "async page"

    return app


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]])
def test_flask_socketio(chat: WebServer, seen: list[Any], transports: list[str]) -> None:
    said: list[Any] = []
    with served(chat) as url:
        client = socketio.Client()
        client.on("said", said.append)
        client.connect(f"{url}?user=ada", transports=transports, wait_timeout=30)
        assert client.call("say", "hello", timeout=10) == "heard"
        if transports == ["polling", "websocket"]:
            wait_for(lambda: client.transport() == "websocket")
        assert client.call("say", b"\x00\xff" * 40_000, timeout=10) == "heard"
        wait_for(lambda: len(said) == 2)
        assert httpx.get(url + "/page").text == "page"
        assert httpx.get(url + "/async").text == "async page"
        client.disconnect()
        wait_for(lambda: "disconnect" in seen)
        assert refusal(url, "/elsewhere").status_code == 404
    assert said == [
        {"data": repr("hello"), "path": "/socket.io/"},
        {"data": repr(b"\x00\xff\x00\xff\x00"), "path": "/socket.io/"},
    ]
    assert seen[0] == ("connect", "ada", None)


def test_teardown_of_flask_socketio_is_that_of_requests(chat: WebServer, seen: list[Any]) -> None:
    with served(chat) as url:
        client = socketio.Client()
        client.connect(url, transports=["websocket"], wait_timeout=30)
        assert client.call("say", "hello", timeout=10) == "heard"
        client.disconnect()
        wait_for(lambda: "disconnect" in seen)
    assert "teardown_request" in seen
    assert "teardown_websocket" not in seen


@pytest.mark.parametrize("around", ["object", "asgi_app"])
def test_python_socketio_around_the_application(app: WebServer, around: str) -> None:
    sio = socketio.AsyncServer(async_mode="asgi")

    @sio.on("say")  # type: ignore[untyped-decorator]
    async def say(sid: str, data: Any) -> Any:
        return f"heard {data}"

    @app.websocket("/echo")
    async def echo() -> None:
        await quart.websocket.send(await quart.websocket.receive())

    app.add_url_rule("/page", "page", lambda: "page")
    started: list[str] = []
    app.before_serving(lambda: started.append("started"))
    wrapped: Any = app
    if around == "object":
        wrapped = socketio.ASGIApp(sio, app)
    else:
        app.asgi_app = socketio.ASGIApp(sio, app.asgi_app)  # type: ignore[method-assign]
    with served(wrapped) as url:
        client = socketio.Client()
        client.connect(url, wait_timeout=30)
        assert client.call("say", "hello", timeout=10) == "heard hello"
        client.disconnect()
        assert httpx.get(url + "/page").text == "page"
        with open_websocket(url, "/echo") as websocket:
            websocket.send("x")
            assert websocket.recv() == "x"
    assert started == ["started"]


def test_flask_sock_in_a_mounted_application(app: WebServer) -> None:
    old = flask.Flask("old")

    @Sock(old).route("/echo")  # type: ignore[untyped-decorator]
    def echo(ws: Any) -> None:
        ws.send(f"{flask.current_app.name} {flask.request.script_root} {ws.receive()}")

    app.mount("/old", old)
    with served(app) as url:
        with open_websocket(url, "/old/echo") as websocket:
            websocket.send("x")
            assert websocket.recv() == "old /old x"
            assert close_of(websocket) == (1000, "")
        assert refusal(url, "/old/nothing").status_code == 404
