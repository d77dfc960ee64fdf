"""The websocket connection as a whole: what is held back, what is given back, what leaks nowhere."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import flask
import pytest
import quart
import simple_websocket  # type: ignore[import-untyped]
from flask_sock import Sock  # type: ignore[import-untyped]
from websockets.exceptions import ConnectionClosed

from aeros_compat.gateway.inbox import MESSAGES_AHEAD, SIZE_AHEAD, Inbox
from aeros_compat.lanes.threads import WARM_THREADS
from aeros_compat.websocket_context import WebsocketContext

from ..servers import served, wait_for
from ..websocket_client import close_of, drop, open_websocket

if TYPE_CHECKING:
    from aeros_compat import WebServer


def _message(data: str | bytes) -> dict[str, Any]:
    return {"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data}


@pytest.mark.parametrize(("data", "bound"), [("x", MESSAGES_AHEAD), (b"x" * 65536, SIZE_AHEAD // 65536)])
def test_the_client_is_not_read_further_ahead_than_there_is_room(data: str | bytes, bound: int) -> None:
    received = [0]

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        received[0] += 1
        return _message(data)

    async def run() -> None:
        inbox = Inbox()
        filling = asyncio.create_task(inbox.fill(receive))
        for _ in range(3 * bound):
            await asyncio.sleep(0)
        assert received[0] == bound
        assert await inbox.take() == data
        for _ in range(10):
            await asyncio.sleep(0)
        assert received[0] == bound + 1
        filling.cancel()

    asyncio.run(run())


def test_what_came_before_the_end_can_be_taken() -> None:
    messages = [
        {"type": "websocket.connect"},
        _message(""),
        _message(b""),
        {"type": "websocket.disconnect", "code": 4001},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def run() -> None:
        inbox = Inbox()
        inbox.end(*await inbox.fill(receive))
        assert [await inbox.take() for _ in range(3)] == ["", b"", None]
        assert inbox.close_code == 4001

    asyncio.run(run())


def test_everybody_who_waits_for_a_message_hears_of_the_end() -> None:
    async def run() -> None:
        inbox = Inbox()
        waiting = [asyncio.create_task(inbox.take()) for _ in range(3)]
        await asyncio.sleep(0)
        inbox.end(1001)
        assert await asyncio.gather(*waiting) == [None, None, None]

    asyncio.run(run())


def test_a_slow_view_holds_back_its_client(app: WebServer) -> None:
    go = threading.Event()

    @app.websocket("/slow")
    async def slow() -> None:
        await quart.websocket.accept()
        while not go.is_set():
            await asyncio.sleep(0.01)
        while True:
            await quart.websocket.send(str(len(await quart.websocket.receive())))

    with served(app) as url, open_websocket(url, "/slow", compression=None, ping_interval=None) as websocket:
        sent = [0]

        def send() -> None:
            with contextlib.suppress(ConnectionClosed):  # the test has ended
                for _ in range(1000):
                    websocket.send(b"x" * 100_000)
                    sent[0] += 1

        sender = threading.Thread(target=send)
        sender.start()
        reached = -1
        while reached != sent[0]:
            reached = sent[0]
            time.sleep(0.5)
        assert reached < 200  # room and socket buffers, not 100 MB
        go.set()
        for _ in range(1000):
            assert websocket.recv(timeout=10) == "100000"
        sender.join()


def test_the_servers_calls_see_nothing_of_the_view(app: WebServer) -> None:
    """``send`` and ``receive`` run in the context of whoever called the application."""
    servers: contextvars.ContextVar[str] = contextvars.ContextVar("servers")
    views: contextvars.ContextVar[str] = contextvars.ContextVar("views")
    seen: list[Any] = []

    @app.websocket("/view")
    async def view() -> None:
        views.set("view")
        await quart.websocket.send(f"{servers.get()} {await quart.websocket.receive()!s}")

    async def around(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        servers.set("server")

        def look() -> None:
            seen.append((servers.get(None), views.get(None), flask.has_app_context(), quart.has_websocket_context()))

        async def receive_and_look() -> Any:
            look()
            message = await receive()
            look()
            return message

        async def send_and_look(message: Any) -> None:
            look()
            await send(message)
            await asyncio.sleep(0.01)
            look()

        await app(scope, receive_and_look, send_and_look)

    with served(around) as url, open_websocket(url, "/view") as websocket:
        websocket.send("x")
        assert websocket.recv() == "server x"
        assert close_of(websocket) == (1000, "")
    assert len(seen) > 8
    assert set(seen) == {("server", None, False, False)}


def test_a_view_that_raises_a_cancellation_of_its_own_is_a_failure(app: WebServer) -> None:
    @app.websocket("/view")
    async def view() -> None:
        await quart.websocket.accept()
        task = asyncio.create_task(asyncio.sleep(3600))
        task.cancel()
        await task

    with served(app) as url, open_websocket(url, "/view") as websocket:
        assert close_of(websocket) == (1011, "")


@pytest.mark.parametrize("path", ["/native", "/hooked", "/sock", "/enclosed"])
def test_abandoned_websockets_leave_nothing_behind(app: WebServer, path: str) -> None:
    left = [0]

    @app.before_websocket
    def before() -> None:
        if path == "/hooked":
            flask.g.resource = threading.get_ident()

    if path == "/native":
        app.before_websocket_funcs.clear()

    @app.teardown_appcontext
    def teardown(exc: BaseException | None) -> None:
        if flask.g.get("websocket"):
            left[0] += 1

    async def view() -> None:
        flask.g.websocket = True
        await quart.websocket.send("x")
        await asyncio.gather(quart.websocket.receive(), asyncio.sleep(3600))

    for rule in ("/native", "/hooked", "/enclosed"):
        app.add_websocket(rule, rule[1:], view)
    if path == "/enclosed":
        inner = app.wsgi_app
        app.wsgi_app = lambda environ, start_response: inner(environ, start_response)  # type: ignore[method-assign]

    @Sock(app).route("/sock")  # type: ignore[untyped-decorator]
    def sock(ws: Any) -> None:
        flask.g.websocket = True
        ws.send("x")
        ws.receive()

    def abandon(number: int) -> None:
        expected = left[0] + number
        with contextlib.ExitStack() as stack:
            for _ in range(number):
                websocket = stack.enter_context(open_websocket(url, path, ping_interval=None))
                websocket.recv()
                drop(websocket)
        wait_for(lambda: left[0] == expected)

    def held() -> tuple[int, int, int]:
        gc.collect()
        objects = gc.get_objects()
        contexts = sum(isinstance(found, WebsocketContext) for found in objects)
        tasks = sum(isinstance(found, asyncio.Task) and not found.done() for found in objects)
        return len(os.listdir("/proc/self/fd")), tasks, contexts

    with served(app) as url:
        abandon(50)
        wait_for(lambda: held()[2] == 0, timeout=5)
        before_all, threads = held(), threading.active_count()
        for _ in range(10):
            abandon(50)
        wait_for(lambda: held() == before_all, timeout=5)
        assert app.websocket_threads.has_room
        assert threading.active_count() <= threads + WARM_THREADS


@pytest.mark.parametrize("path", ["/native", "/sock"])
def test_a_server_that_stops_says_so_to_both_sides(app: WebServer, path: str) -> None:
    ended: list[Any] = []

    @app.websocket("/native")
    async def native() -> None:
        await quart.websocket.send("x")
        try:
            await quart.websocket.receive()
        except asyncio.CancelledError:
            ended.append(1012)
            raise

    @Sock(app).route("/sock")  # type: ignore[untyped-decorator]
    def sock(ws: Any) -> None:
        ws.send("x")
        try:
            ws.receive()
        except simple_websocket.ConnectionClosed as error:
            ended.append(error.reason)
            raise

    with contextlib.ExitStack() as stack:
        with served(app) as url:
            websocket = stack.enter_context(open_websocket(url, path))
            websocket.recv()
            begin = time.monotonic()
        assert time.monotonic() - begin < 4  # the server waits up to 5 seconds for what does not end
        assert close_of(websocket)[0] == 1012
    assert ended == [1012]


def _scope(path: str) -> dict[str, Any]:
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"a.example"), (b"upgrade", b"websocket"), (b"connection", b"Upgrade")],
    }


@pytest.mark.parametrize("thread", [False, True])
def test_a_server_that_cancels_the_application(app: WebServer, thread: bool) -> None:
    """Hypercorn does. Teardown runs, once, to its end."""
    seen: list[Any] = []

    async def run() -> None:
        waits, sent = asyncio.Event(), []

        async def receive() -> Any:
            await asyncio.sleep(3600)

        async def send(message: Any) -> None:
            sent.append(message["type"])
            waits.set()

        task = asyncio.create_task(app(_scope("/view"), receive, send))
        await asyncio.wait_for(waits.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sent == ["websocket.accept"]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    if thread:
        app.before_websocket(lambda: None)

    @app.teardown_websocket
    async def first(exc: BaseException | None) -> None:
        await asyncio.sleep(0.05)
        seen.append(type(exc))

    @app.teardown_appcontext
    def second(exc: BaseException | None) -> None:
        seen.append(type(exc))

    @app.websocket("/view")
    async def view() -> None:
        await quart.websocket.accept()
        await asyncio.sleep(3600)

    asyncio.run(run())
    assert seen == [asyncio.CancelledError] * 2
    assert app.websocket_threads._held == 0


def test_a_server_that_raises_when_the_client_has_gone(app: WebServer) -> None:
    """The ASGI specification says OSError. The view is cancelled where it sends, and nothing is logged."""
    seen: list[Any] = []

    @app.websocket("/view")
    async def view() -> None:
        try:
            await asyncio.gather(quart.websocket.send("x"), asyncio.sleep(3600))
        finally:
            seen.append("cancelled")

    async def run() -> None:
        async def receive() -> Any:
            await asyncio.sleep(3600)

        async def send(message: Any) -> None:
            if message["type"] != "websocket.accept":
                raise ConnectionResetError

        await app(_scope("/view"), receive, send)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())
    assert seen == ["cancelled"]


def test_a_server_whose_receive_fails(app: WebServer) -> None:
    @app.websocket("/view")
    async def view() -> None:
        await quart.websocket.receive()

    async def receive() -> Any:
        raise ValueError("a fault of the server")

    async def send(message: Any) -> None:
        pass

    with pytest.raises(ValueError, match="a fault of the server"):
        asyncio.run(app(_scope("/view"), receive, send))


def test_servers_without_the_extension_for_refusals(app: WebServer) -> None:
    sent: list[Any] = []

    async def run() -> None:
        async def receive() -> Any:
            await asyncio.sleep(3600)

        async def send(message: Any) -> None:
            sent.append(message)

        await app(_scope("/nothing"), receive, send)

    asyncio.run(run())
    assert sent == [{"type": "websocket.close"}]


def test_scopes_without_upgrade_headers(app: WebServer) -> None:
    """Over HTTP/2 and HTTP/3 there are none."""
    sent: list[Any] = []

    @app.websocket("/view")
    async def view() -> None:
        await quart.websocket.send(flask.request.headers["Upgrade"])

    async def run() -> None:
        async def receive() -> Any:
            await asyncio.sleep(3600)

        async def send(message: Any) -> None:
            sent.append(message)

        await app({**_scope("/view"), "headers": [(b"host", b"a.example")], "http_version": "2"}, receive, send)

    asyncio.run(run())
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert sent[1]["text"] == "websocket"
