"""Request bodies, read from both frameworks and both sides."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart
from werkzeug.exceptions import ClientDisconnected

from aeros_compat.gateway.body import Body

from ..servers import raw_exchange, served, wait_for

if TYPE_CHECKING:
    from aeros_compat import WebServer

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
        await body.collect(5, None, None)
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
