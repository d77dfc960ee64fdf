"""Request bodies, read from both frameworks and both sides."""

from __future__ import annotations

import asyncio
import io
import threading
from typing import Any, cast

import flask
import httpx
import pytest
import quart
from werkzeug.exceptions import ClientDisconnected
from werkzeug.test import create_environ, run_wsgi_app

from aeros_compat import WebServer
from aeros_compat.gateway.body import COLLECT_LIMIT, READ_AHEAD, Body

from ..asgi import http_scope
from ..servers import raw_exchange, served, wait_for

LINES = b"".join(b"line %d\n" % number for number in range(400_000))  # about 4 MB


@pytest.fixture
def uploads(app: WebServer) -> WebServer:
    @app.post("/sync/read")
    def read() -> str:
        stream, sizes = flask.request.stream, []
        while piece := stream.read(100_000):
            sizes.append(len(piece))
        return str(sum(sizes))

    @app.post("/sync/lines")
    def lines() -> str:
        stream: Any = flask.request.environ["wsgi.input"]
        first = stream.readline()
        second = stream.readline(3)
        rest = stream.readlines(10)
        return f"{first!r} {second!r} {rest[0]!r} {sum(1 for _ in stream) + len(rest) + 1}"

    @app.post("/sync/data")
    def data() -> str:
        return str(len(flask.request.get_data()))

    @app.post("/sync/file")
    def file() -> str:
        return str(len(flask.request.files["file"].read()))

    @app.post("/async/pieces")
    async def pieces() -> str:
        return str(sum([len(piece) async for piece in quart.request.body]))

    @app.post("/async/data")
    async def whole() -> str:
        return str(len(await quart.request.get_data()))

    @app.post("/async/file")
    async def async_file() -> str:
        return str(len((await quart.request.files)["file"].read()))

    return app


PATHS = ["/sync/read", "/sync/data", "/async/pieces", "/async/data"]


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 1024 * 1024 + 1, 3_000_000])
@pytest.mark.parametrize("path", PATHS)
def test_bodies_of_every_size(uploads: WebServer, path: str, size: int) -> None:
    with served(uploads) as url:
        body = b"x" * size
        assert httpx.post(url + path, content=body).text == str(size)
        chunks = (body[at : at + 70_000] for at in range(0, size, 70_000))
        assert httpx.post(url + path, content=chunks).text == str(size), "chunked"
    # The same through the WSGI entry.
    assert uploads.test_client().post(path, data=body).text == str(size)


@pytest.mark.parametrize("path", ["/sync/file", "/async/file"])
def test_large_files(uploads: WebServer, path: str) -> None:
    with served(uploads) as url:
        assert httpx.post(url + path, files={"file": LINES}).text == str(len(LINES))


def test_lines(uploads: WebServer) -> None:
    expected = "b'line 0\\n' b'lin' b'e 1\\n' 400000"
    with served(uploads) as url:
        assert httpx.post(f"{url}/sync/lines", content=LINES).text == expected


def test_client_that_leaves_during_an_upload(app: WebServer) -> None:
    raised: list[BaseException] = []

    @app.post("/sync")
    def sync() -> str:
        try:
            flask.request.get_data()
        except BaseException as error:
            raised.append(error)
            raise
        return "ok"

    @app.post("/async")
    async def awaited() -> str:
        try:
            await quart.request.get_data()
        except BaseException as error:
            raised.append(error)
            raise
        return "ok"

    with served(app) as url:
        for path in (b"/sync", b"/async"):
            head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" % path
            import socket

            port = httpx.URL(url).port
            assert port is not None
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(head + b"x" * 2_000_000)
        wait_for(lambda: len(raised) == 2, timeout=5)
    assert [type(error) for error in raised] == [ClientDisconnected] * 2


def test_streams_that_echo_an_upload(app: WebServer) -> None:
    """The body is still being read while the answer goes out: watching for the client to leave must not eat it."""

    @app.post("/sync")
    def sync() -> Any:
        @flask.stream_with_context
        def echo() -> Any:
            while piece := flask.request.stream.read(65536):
                yield piece

        return flask.Response(echo())  # type: ignore[call-arg]

    @app.post("/async")
    async def awaited() -> Any:
        body = quart.request.body

        async def echo() -> Any:
            async for piece in body:
                yield piece

        return echo()

    data = bytes(range(256)) * 16_000
    with served(app) as url:
        for path in ("/sync", "/async"):
            assert httpx.post(url + path, content=data, timeout=20).content == data


def test_reading_on_the_loops_own_thread_is_an_error() -> None:
    async def scenario() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"x" * 10, "more_body": True}

        body = Body(receive)
        await cast("Any", body.collect(5, None, None))
        with pytest.raises(RuntimeError, match="would block the server"):
            body.read_from_thread()

    asyncio.run(scenario())


def test_expect_continue(uploads: WebServer) -> None:
    request = (
        b"POST /sync/read HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with served(uploads) as url:
        assert raw_exchange(url, request + b"abcde").endswith(b"5")


def test_thread_that_reads_is_the_one_that_works(app: WebServer) -> None:
    """A large upload blocks its own thread only."""
    seen: list[str] = []

    @app.post("/")
    def view() -> str:
        while flask.request.stream.read(65536):
            seen.append(threading.current_thread().name)
        return "ok"

    with served(app) as url:
        assert httpx.post(url, content=b"x" * 3_000_000).text == "ok"
    assert len(set(seen)) == 1
    assert seen[0].startswith("aeros-worker")


class Client:
    """``receive`` of a client that sends as fast as it may, and says how much it has sent."""

    def __init__(self, size: int, piece: int = 65536) -> None:
        self.sent = 0
        self._size = size
        self._piece = b"x" * piece

    async def receive(self) -> Any:
        await asyncio.sleep(0)
        if self.sent == self._size:
            await asyncio.Event().wait()
        self.sent += len(self._piece)
        return {"type": "http.request", "body": self._piece, "more_body": self.sent < self._size}


async def post(app: WebServer, client: Client) -> tuple[list[Any], int]:
    """The messages of the answer, and the tasks that were made for it."""
    sent: list[Any] = []
    tasks = 0

    def make_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        nonlocal tasks
        tasks += 1
        return asyncio.Task(coroutine, loop=loop, **options)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.get_running_loop().set_task_factory(make_task)
    await app(http_scope(method="POST"), client.receive, send)
    return sent, tasks


def test_a_thread_is_read_ahead_of_within_bounds(app: WebServer) -> None:
    client, ahead = Client(10 * 2**20), []

    @app.post("/")
    def view() -> str:
        size = 0
        while piece := flask.request.stream.read(65536):
            size += len(piece)
            ahead.append(client.sent - size)
        return str(size)

    sent, tasks = asyncio.run(post(app, client))
    assert sent[1]["body"] == b"%d" % (10 * 2**20)
    assert max(ahead) <= READ_AHEAD + 2 * 65536
    # For each half of what is read ahead, not for each of the 160 pieces. More if the thread was the faster one.
    assert tasks < 80


def test_a_body_that_nobody_reads_is_not_read_ahead(app: WebServer) -> None:
    client = Client(10 * 2**20)

    @app.post("/")
    def view() -> str:
        return str(len(flask.request.stream.read(10)))

    asyncio.run(post(app, client))
    assert client.sent <= COLLECT_LIMIT + 65536 + READ_AHEAD


def test_a_caller_of_the_wsgi_entry_keeps_what_nobody_asks_for(app: WebServer) -> None:
    """It may be the socket of a WSGI server, which goes on with what follows the body."""
    environ = create_environ(method="POST", input_stream=io.BytesIO(b"x" * 10 * 2**20), content_length=10 * 2**20)
    stream = environ["wsgi.input"]

    @app.post("/")
    def view() -> str:
        return str(len(flask.request.stream.read(10)))

    body, status, _ = run_wsgi_app(app, environ)
    assert (b"".join(body), status) == (b"10", "200 OK")
    assert stream.tell() <= COLLECT_LIMIT + 2 * 65536


def test_a_thread_that_reads_for_longer_than_its_request_lasts() -> None:
    """No server owes ``receive`` an answer then."""
    raised: list[BaseException] = []
    app = WebServer(__name__, request_timeout=2)

    @app.post("/")
    def view() -> str:
        try:
            return str(len(flask.request.stream.read(3_000_000)))
        except ClientDisconnected as error:
            raised.append(error)
            raise

    async def receive() -> Any:
        if receives:
            await asyncio.Event().wait()
        receives.append(True)
        return {"type": "http.request", "body": b"x" * 2_000_000, "more_body": True}

    async def scenario() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        await app(http_scope(method="POST"), receive, send)
        await asyncio.to_thread(wait_for, lambda: bool(raised), timeout=5)

    receives: list[bool] = []
    sent: list[Any] = []
    asyncio.run(scenario())
    assert sent[0]["status"] == 504


def test_what_receive_raises_reaches_the_thread(app: WebServer) -> None:
    @app.post("/")
    def view() -> str:
        try:
            flask.request.stream.read(3_000_000)
        except OSError as error:
            return str(error)
        return "nothing"

    class Failing(Client):
        async def receive(self) -> Any:
            if self.sent > COLLECT_LIMIT:
                raise OSError("the disk is full")
            return await super().receive()

    sent, _ = asyncio.run(post(app, Failing(3_000_000)))
    assert sent[1]["body"] == b"the disk is full"


def test_small_and_large_reads_and_lines_of_one_stream(app: WebServer) -> None:
    @app.post("/")
    def view() -> str:
        stream: Any = flask.request.environ["wsgi.input"]
        parts = [stream.read(1), stream.read(700_000), stream.read(0), stream.read(3)]
        parts += [stream.readline(), stream.read(5), stream.readline(4), *stream.readlines(100), next(stream)]
        parts += [stream.read1(10), stream.read(600_000), stream.read(), stream.read(), stream.read(7)]
        return str(b"".join(parts) == LINES)

    @app.post("/text")
    def text() -> str:
        with io.TextIOWrapper(cast("Any", flask.request.environ["wsgi.input"])) as file:
            return str(file.read() == LINES.decode())

    with served(app) as url:
        assert httpx.post(url, content=LINES).text == "True"
        assert httpx.post(f"{url}/text", content=LINES).text == "True"


def test_a_client_that_leaves_after_its_whole_body() -> None:
    messages: list[Any] = [{"type": "http.request", "body": b"all", "more_body": False}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def left() -> bool:
        body = Body(receive)
        await cast("Any", body.collect(COLLECT_LIMIT, None, None))
        assert body.collected == b"all"
        await body.wait_for_disconnect()
        return body.disconnected

    assert asyncio.run(left())
