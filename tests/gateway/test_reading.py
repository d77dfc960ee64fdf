"""Bodies read twice, by both frameworks, by hooks and views, and through WSGI middleware."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import socket
import threading
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

import flask
import httpx
import pytest
import quart
from werkzeug.exceptions import ClientDisconnected

from ..servers import raw_exchange, read_all, served, wait_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from aeros_compat import WebServer

    from ..conftest import Lane

SMALL, LARGE = 5_000, 2_000_000
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE])


def connect(url: str) -> socket.socket:
    host, port = httpx.URL(url).host, httpx.URL(url).port
    assert port is not None
    return socket.create_connection((host, port), timeout=10)


def digest(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str):
        return f"{len(value)} characters"
    if hasattr(value, "stream"):
        value.stream.seek(0)
        return f"{value.filename} {len(value.stream.read())}"
    if hasattr(value, "items"):
        return str(sorted((key, digest(one)) for key, one in value.items()))
    return str(value)


def awaiting(read: Callable[[], Awaitable[Any]]) -> Callable[[], Coroutine[Any, Any, Any]]:
    async def call() -> Any:
        return await read()

    return call


async def quart_pieces() -> bytes:
    return b"".join([piece async for piece in quart.request.body])


FLASK: dict[str, Callable[[], Any]] = {
    "data": lambda: flask.request.get_data(),
    "json": lambda: flask.request.get_json(),
    "form": lambda: flask.request.form,
    "files": lambda: flask.request.files,
    "stream": lambda: flask.request.stream.read(),
}
QUART: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
    "data": awaiting(lambda: quart.request.get_data()),
    "json": awaiting(lambda: quart.request.get_json()),
    "form": awaiting(lambda: quart.request.form),
    "files": awaiting(lambda: quart.request.files),
    "stream": quart_pieces,
}


def upload(kind: str, size: int) -> dict[str, Any]:
    text = "x" * size
    kinds: dict[str, dict[str, Any]] = {
        "json": {"json": {"key": text}},
        "form": {"data": {"key": text}},
        "files": {"files": {"file": ("name.txt", text.encode())}, "data": {"key": "value"}},
    }
    return kinds.get(kind, {"content": text.encode()})


@SIZES
@pytest.mark.parametrize("kind", ["data", "json", "form", "files"])
@pytest.mark.parametrize("order", ["flask flask", "quart quart", "flask quart", "quart flask"])
@pytest.mark.parametrize("second_in", ["sync", "async"])
def test_read_by_a_hook_and_again_by_the_view(app: WebServer, kind: str, order: str, size: int, second_in: str) -> None:
    first, second = order.split()
    app.config["MAX_FORM_MEMORY_SIZE"] = None
    seen: list[str] = []

    if first == "flask":
        app.before_request(lambda: seen.append(digest(FLASK[kind]())))
    else:

        @app.before_request
        async def hook() -> None:
            seen.append(digest(await QUART[kind]()))

    def sync_view() -> str:
        value = FLASK[kind]() if second == "flask" else app.async_to_sync(QUART[kind])()
        return digest(value)

    async def async_view() -> str:
        return digest(FLASK[kind]() if second == "flask" else await QUART[kind]())

    view = sync_view if second_in == "sync" else async_view
    app.add_url_rule("/", view_func=view, endpoint="view", methods=["POST"])
    with served(app) as url:
        answer = httpx.post(url, **upload(kind, size))
        assert (answer.status_code, answer.text) == (200, seen[0])
        assert str(size) in answer.text


@pytest.mark.parametrize("order", ["flask quart", "quart flask"])
def test_a_large_stream_is_read_by_one_of_them(app: WebServer, order: str, caplog: pytest.LogCaptureFixture) -> None:
    """The other one would get what is left, and take it for the whole."""
    app.testing = False

    @app.route("/", methods=["POST"])
    def view() -> str:
        if order == "flask quart":
            flask.request.stream.read(10)
            app.async_to_sync(QUART["data"])()
        else:
            app.async_to_sync(QUART["stream"])()
            flask.request.get_data()
        return "never"

    with served(app) as url, caplog.at_level(logging.ERROR):
        assert httpx.post(url, content=b"x" * LARGE).status_code == 500
    assert "as a stream, so" in caplog.text


@SIZES
def test_quart_reads_what_middleware_has_put_in_place(app: WebServer, size: int) -> None:
    @app.route("/<kind>", methods=["POST"])
    async def view(kind: str) -> str:
        return f"{digest(await QUART[kind]())} {digest(FLASK[kind]())}"

    original = app.wsgi_app

    def unpack(environ: Any, start_response: Any) -> Any:
        data = gzip.decompress(environ["wsgi.input"].read())
        environ["wsgi.input"] = BytesIO(data)
        environ["CONTENT_LENGTH"] = str(len(data))
        return original(environ, start_response)

    app.wsgi_app = unpack  # type: ignore[method-assign]
    body = gzip.compress(b"key=" + b"x" * size)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with served(app) as url:
        assert httpx.post(f"{url}/data", content=body).text == f"{size + 4} bytes {size + 4} bytes"
        expected = f"[('key', '{size} characters')]"
        assert httpx.post(f"{url}/form", content=body, headers=form).text == f"{expected} {expected}"


@SIZES
@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
def test_input_under_wsgiref_validate(app: WebServer, size: int) -> None:
    """read, readline, readlines and iteration as PEP 3333 says, at the end of the body too."""
    seen: list[Any] = []

    def application(environ: Any, start_response: Any) -> Any:
        stream = environ["wsgi.input"]
        seen.append([stream.readline(), stream.readline(3), stream.read(0), stream.read(5)])
        seen.append(sum(map(len, stream.readlines(20))) + sum(len(line) for line in stream))
        seen.append([stream.read(10), stream.readline(), stream.readlines()])
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]

    app.wsgi_app = validator(application)  # type: ignore[assignment, method-assign]
    lines = b"a line\n" * (size // 7)
    pieces = (lines[at : at + 30_001] for at in range(0, len(lines), 30_001))
    with served(app) as url:
        for content in (lines, pieces):
            answer = httpx.post(url, content=content)
            assert (answer.status_code, answer.text) == (200, "ok")
            head, rest, end = seen[0], seen[1], seen[2]
            seen.clear()
            assert head == [b"a line\n", b"a l", b"", b"ine\na"]
            assert rest == len(lines) - 15
            assert end == [b"", b"", []]


@pytest.mark.parametrize("size", [500_000, 9_000_000])
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("how", ["flask", "quart", "middleware"])
def test_client_that_leaves_during_an_upload(app: WebServer, lane: Lane, how: str, framing: str, size: int) -> None:
    raised: list[type[BaseException]] = []

    def noting(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except BaseException as error:
            raised.append(type(error))
            raise

    async def with_quart() -> str:
        try:
            async for _ in quart.request.body:
                pass
        except BaseException as error:
            raised.append(type(error))
            raise
        return "read"

    view: Any = lane(lambda: "ignored" if how == "middleware" else noting(FLASK["data"]))
    # A large body is not there for flask.request in an async view: migration_guide/differences.md.
    if how == "quart" or (how == "flask" and size > 1_000_000 and asyncio.iscoroutinefunction(view)):
        view = with_quart
    app.add_url_rule("/", view_func=view, endpoint="view", methods=["POST"])
    if how == "middleware":
        original = app.wsgi_app

        def middleware(environ: Any, start_response: Any) -> Any:
            environ["wsgi.input"] = BytesIO(noting(environ["wsgi.input"].read))
            return original(environ, start_response)

        app.wsgi_app = middleware  # type: ignore[method-assign]
    head = {"length": b"Content-Length: %d" % size, "chunked": b"Transfer-Encoding: chunked"}[framing]
    part = b"x" * (size // 3)
    if framing == "chunked":
        part = b"%x\r\n%s\r\n" % (len(part), part)
    before = threading.active_count()
    with served(app) as url:
        with connect(url) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n" + part)
        wait_for(lambda: bool(raised), timeout=5)
    assert raised == [ClientDisconnected]
    wait_for(lambda: threading.active_count() <= before + 64)


def test_slow_view_makes_the_client_wait(app: WebServer, lane: Lane) -> None:
    """Back-pressure: of a large upload, the server takes in no more than a view is about to read."""
    go_on = threading.Event()

    def read_slowly() -> str:
        first = len(flask.request.stream.read(1000))
        go_on.wait(20)
        return str(first + len(flask.request.stream.read()))

    async def read_slowly_async() -> str:
        pieces = aiter(quart.request.body)
        size = len(await anext(pieces))
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        async for piece in pieces:
            size += len(piece)
        return str(size)

    view = read_slowly if lane(read_slowly) is read_slowly else read_slowly_async
    app.add_url_rule("/", view_func=view, endpoint="view", methods=["POST"])
    size = 64_000_000
    sent = 0
    with served(app) as url, connect(url) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size)
        connection.settimeout(0.5)
        block = memoryview(b"x" * 65536)
        with contextlib.suppress(TimeoutError):
            while sent < size:
                sent += connection.send(block[: size - sent])
        # What the sockets hold (a few MB), 1 MiB collected, 64 KiB in the server.
        assert sent < 16_000_000
        go_on.set()
        connection.settimeout(20)
        while sent < size:
            sent += connection.send(block[: size - sent])
        assert read_all(connection).endswith(b"\r\n\r\n%d" % size)


def test_large_files_are_on_disk_not_in_memory(app: WebServer, lane: Lane) -> None:
    def has_rolled(file: Any) -> str:
        return f"{file.stream._rolled} {len(file.read())}"

    @app.post("/flask")
    def sync() -> str:
        return has_rolled(flask.request.files["file"])

    @app.post("/quart")
    async def awaited() -> str:
        return has_rolled((await quart.request.files)["file"])

    app.before_request(lane(lambda: None))
    with served(app) as url:
        for path in ("/flask", "/quart"):
            for size, on_disk in [(1000, False), (700_000, True), (3_000_000, True)]:
                answer = httpx.post(url + path, files={"file": ("name", b"x" * size)})
                assert answer.text == f"{on_disk} {size}"


def test_saving_a_file_in_an_async_view(app: WebServer, tmp_path: Any) -> None:
    @app.post("/")
    async def view() -> str:
        await (await quart.request.files)["file"].save(tmp_path / "saved")
        return "ok"

    with served(app) as url:
        for size in (SMALL, LARGE):
            assert httpx.post(url, files={"file": ("name", b"x" * size)}).text == "ok"
            assert (tmp_path / "saved").stat().st_size == size


def test_a_body_that_is_never_read(app: WebServer, lane: Lane) -> None:
    """The connection is still good for the next request, whose head comes right behind the body."""
    app.add_url_rule("/", view_func=lane(lambda: "ignored"), endpoint="view", methods=["POST"])
    size = 3_000_000
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    last = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with served(app) as url:
        answers = raw_exchange(url, request * 2 + last)
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert answers.count(b"ignored") == 3


@SIZES
def test_slow_chunks(app: WebServer, lane: Lane, size: int) -> None:
    def slowly() -> Iterator[bytes]:
        for _ in range(10):
            time.sleep(0.01)
            yield b"x" * (size // 10)

    async def awaited() -> str:
        return str(len(await quart.request.get_data()))

    def read() -> str:
        return str(len(flask.request.get_data()))

    view = read if lane(read) is read else awaited
    app.add_url_rule("/", view_func=view, endpoint="view", methods=["POST"])
    with served(app) as url:
        assert httpx.post(url, content=slowly()).text == str(size)
