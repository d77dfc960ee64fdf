"""Files as bodies: wsgi.file_wrapper, sending by path, ranges and conditions."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart
from flask import Flask
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.wsgi import wrap_file
from whitenoise import WhiteNoise  # type: ignore[import-untyped]

from aeros_compat import WebServer
from aeros_compat.gateway.files import BLOCK, FileWrapper, PathFileWrapper

from ..asgi import http_scope
from ..servers import served, wait_for

if TYPE_CHECKING:
    from ..conftest import Lane

CONTENT = bytes(range(256)) * 4000  # about 1 MB


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(CONTENT)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


class Counted(io.FileIO):
    """A file that counts its reads and how often it was closed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reads: list[int] = []
        self.closings = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads.append(size or 0)
        return super().read(size) or b""

    def close(self) -> None:
        if not self.closed:
            self.closings += 1
        super().close()


def test_files_are_read_in_large_blocks_and_closed_once(app: WebServer, lane: Lane, file: Path) -> None:
    opened: list[Counted] = []

    @app.route("/")
    @lane
    def view() -> Any:
        opened.append(Counted(file))
        body = wrap_file(flask.request.environ, opened[-1])
        response = flask.Response(body, direct_passthrough=True)
        response.content_length = len(CONTENT)
        return response.make_conditional(flask.request, accept_ranges=True, complete_length=len(CONTENT))

    with served(app) as url:
        for headers, expected in [({}, CONTENT), ({"Range": "bytes=1000-400000"}, CONTENT[1000:400_001])]:
            assert httpx.get(url, headers=headers).content == expected
            wait_for(lambda: opened[-1].closed)
            assert set(opened[-1].reads) == {BLOCK}
            assert opened[-1].closings == 1
        assert httpx.head(url).content == b""
        wait_for(lambda: opened[-1].closed)


def test_wrapper_of_pep_3333(app: WebServer, lane: Lane, file: Path) -> None:
    """Made with and without a block size, around anything that can read; closed if that can be closed."""
    closed: list[str] = []

    class Reader:
        def __init__(self, name: str) -> None:
            self.rest = [b"one ", b"two"]
            self.name = name

        def read(self, size: int) -> bytes:
            return self.rest.pop(0) if self.rest else b""

    class ClosingReader(Reader):
        def close(self) -> None:
            closed.append(self.name)

    def middleware(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        kind = ClosingReader if "close" in environ["PATH_INFO"] else Reader
        arguments = (100,) if "size" in environ["PATH_INFO"] else ()
        return environ["wsgi.file_wrapper"](kind(environ["PATH_INFO"]), *arguments)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    with served(app) as url:
        for path in ("/close", "/size", "/close/size", "/"):
            assert httpx.get(url + path).text == "one two"
        wait_for(lambda: closed == ["/close", "/close/size"])


def test_shared_data_middleware(app: WebServer, lane: Lane, file: Path) -> None:
    app.add_url_rule("/", view_func=lane(lambda: "view"), endpoint="view")
    app.wsgi_app = SharedDataMiddleware(app.wsgi_app, {"/files": str(file.parent)})  # type: ignore[method-assign]
    with served(app) as url:
        answer = httpx.get(f"{url}/files/data.bin")
        assert (answer.content, answer.headers["Content-Length"]) == (CONTENT, str(len(CONTENT)))
        assert httpx.head(f"{url}/files/data.bin").headers["Content-Length"] == str(len(CONTENT))
        assert httpx.get(f"{url}/files/data.bin", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        assert httpx.get(url).text == "view"


def test_whitenoise(app: WebServer, lane: Lane, file: Path) -> None:
    app.add_url_rule("/", view_func=lane(lambda: "view"), endpoint="view")
    app.wsgi_app = WhiteNoise(app.wsgi_app, root=str(file.parent), prefix="files/")  # type: ignore[method-assign]
    with served(app) as url:
        answer = httpx.get(f"{url}/files/data.bin")
        assert (answer.content, answer.headers["Content-Length"]) == (CONTENT, str(len(CONTENT)))
        head = httpx.head(f"{url}/files/data.bin")
        assert (head.content, head.headers["Content-Length"]) == (b"", str(len(CONTENT)))
        part = httpx.get(f"{url}/files/data.bin", headers={"Range": "bytes=1000-400000"})
        assert (part.status_code, part.content) == (206, CONTENT[1000:400_001])
        assert httpx.get(f"{url}/files/data.bin", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        assert httpx.get(url).text == "view"
    assert by_path(app, path="/files/data.bin") == str(file)


async def messages(app: WebServer, method: str = "GET", headers: Any = (), path: str = "/") -> list[dict[str, Any]]:
    """What a server that can send by path is told."""
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        return waiting.pop() if waiting else await asyncio.sleep(3600)

    async def send(message: Any) -> None:
        sent.append(message)

    changes = {"method": method, "headers": list(headers), "extensions": {"http.response.pathsend": {}}}
    scope = http_scope(path, **changes)
    await app(scope, receive, send)
    return sent


def by_path(app: WebServer, **options: Any) -> str | None:
    """The path that the server was told to send; the body was complete in any case."""
    start, *bodies = asyncio.run(messages(app, **options))
    if bodies[0]["type"] == "http.response.pathsend":
        assert len(bodies) == 1
        return str(bodies[0]["path"])
    length = dict(start["headers"]).get(b"content-length")
    body = b"".join(message["body"] for message in bodies)
    assert length is None or len(body) == int(length) or options.get("method") == "HEAD"
    return None


def test_whole_files_are_sent_by_path(app: WebServer, lane: Lane, file: Path) -> None:
    opened: list[Any] = []

    def send(source: Any) -> Any:
        opened.append(source)
        response = flask.send_file(source, mimetype="text/plain", etag="x")
        response.content_length = len(CONTENT)  # which Flask does not find out for an open file
        return response

    app.add_url_rule("/", view_func=lane(lambda: flask.send_file(file)), endpoint="view")
    app.add_url_rule("/open", view_func=lane(lambda: send(file.open("rb"))), endpoint="open")
    assert by_path(app) == str(file)
    assert by_path(app, path="/open") == str(file)
    assert opened[0].closed
    # Not these.
    assert by_path(app, method="HEAD") is None
    assert by_path(app, headers=[(b"range", b"bytes=0-10")]) is None
    assert by_path(app, headers=[(b"range", b"bytes=0-")]) is None
    assert by_path(app, headers=[(b"if-modified-since", b"Sat, 01 Jan 2028 00:00:00 GMT")]) is None


def test_a_file_of_a_relative_path(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of the message has to be absolute."""
    monkeypatch.chdir(file.parent)
    with Path("data.bin").open("rb") as relative:
        assert PathFileWrapper(relative).path_to_send(len(CONTENT)) == str(file)


def test_what_is_not_sent_by_path(file: Path) -> None:
    other = file.with_name("other.bin")

    def asked(source: Any, length: int | None = len(CONTENT)) -> str | None:
        wrapper = PathFileWrapper(source)
        try:
            return wrapper.path_to_send(length)
        finally:
            wrapper.close()

    assert asked(file.open("rb")) == str(file)
    assert asked(file.open("rb", buffering=0)) == str(file)
    assert asked(file.open("rb"), None) is None
    assert asked(file.open("rb"), len(CONTENT) - 1) is None
    moved = file.open("rb")
    moved.seek(1)
    assert asked(moved) is None
    closed = file.open("rb")
    closed.close()
    assert asked(closed) is None
    assert asked(io.BytesIO(CONTENT)) is None
    assert asked(os.fdopen(os.open(file, os.O_RDONLY), "rb")) is None  # no name
    with gzip.open(other, "wb") as stream:
        stream.write(CONTENT)
    assert asked(gzip.GzipFile(other), other.stat().st_size) is None
    assert asked(Counted(file)) is None  # somebody's own class may read something else
    device = Path("/dev/null")
    assert asked(device.open("rb"), 0) is None
    # A deployment has put another file in its place since it was opened.
    replaced = file.open("rb")
    other.write_bytes(CONTENT)
    other.replace(file)
    assert asked(replaced) is None
    removed = file.open("rb")
    file.unlink()
    assert asked(removed) is None
    assert FileWrapper(io.BytesIO()).path_to_send(0) is None


REQUESTS: list[dict[str, str]] = [
    {},
    {"Range": "bytes=0-9"},
    {"Range": "bytes=-10"},
    {"Range": "bytes=1000000-"},
    {"Range": "bytes=0-"},
    {"Range": "bytes=5-4"},
    {"Range": "bytes=99999999-"},
    {"Range": "bytes=0-1,5-6"},
    {"Range": "lines=1-2"},
    {"Range": "bytes=0-9", "If-Range": "ETAG"},
    {"Range": "bytes=0-9", "If-Range": '"other"'},
    {"Range": "bytes=0-9", "If-Range": "Tue, 14 Nov 2023 22:13:20 GMT"},
    {"Range": "bytes=0-9", "If-Range": "Tue, 14 Nov 2022 22:13:20 GMT"},
    {"If-None-Match": "ETAG"},
    {"If-None-Match": 'W/"x", ETAG'},
    {"If-None-Match": '"other"'},
    {"If-None-Match": "*"},
    {"If-Match": '"other"'},
    {"If-Modified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"},
    {"If-Modified-Since": "Mon, 13 Nov 2023 22:13:20 GMT"},
    {"If-Modified-Since": "nonsense"},
]


def conditional(app: Flask, lane: Lane, file: Path) -> Flask:
    app.testing = False
    app.add_url_rule("/file", view_func=lane(lambda: flask.send_file(file, etag="the-etag")), endpoint="file")

    @app.route("/text")
    @lane
    def text() -> Any:
        response = flask.Response(CONTENT)
        response.set_etag("the-etag")
        response.last_modified = 1_700_000_000  # type: ignore[assignment]
        return response.make_conditional(flask.request, accept_ranges=True, complete_length=len(CONTENT))

    @app.route("/folder")
    @lane
    def folder() -> Any:
        return flask.send_from_directory(file.parent, "data.bin", etag="the-etag")

    return app


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ranges_and_conditions_as_plain_flask(lane: Lane, file: Path, method: str) -> None:
    def seen(response: Any, body: bytes) -> Any:
        names = ("etag", "last-modified", "content-range", "accept-ranges", "content-length", "content-type")
        kept = [response.headers.get(name) for name in names]
        # For 304 it is a matter of the server.
        return response.status_code, body, kept[:4] + (kept[4:] if response.status_code != 304 else [])

    plain = conditional(Flask(__name__), lambda view: view, file).test_client()
    plainly = {"Accept-Encoding": "identity"}
    with (
        served(conditional(WebServer(__name__), lane, file)) as url,
        httpx.Client(base_url=url, headers=plainly) as client,
    ):
        for path in ("/file", "/text", "/folder"):
            for headers in REQUESTS:
                given = {name: value.replace("ETAG", '"the-etag"') for name, value in headers.items()}
                expected = plain.open(path, method=method, headers=given)
                answer = client.request(method, path, headers=given)
                assert seen(answer, answer.content) == seen(expected, expected.data), (path, headers)
                expected.close()


def test_quarts_own_files_and_responses(app: WebServer, file: Path) -> None:
    @app.route("/file")
    async def send() -> Any:
        return await quart.send_file(file, conditional=True)

    @app.route("/made")
    async def made() -> Any:
        response: Any = await quart.make_response("body", 201, {"X-Made": "yes"})
        response.set_etag("made")
        return response

    @app.route("/conditional")
    async def on_condition() -> Any:
        response: Any = await quart.make_response(CONTENT)
        response.set_etag("the-etag")
        await response.make_conditional(quart.request, accept_ranges=True, complete_length=len(CONTENT))
        return response

    with served(app) as url, httpx.Client(base_url=url) as client:
        answer = client.get("/file")
        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert client.head("/file").content == b""
        assert client.get("/file", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        made_answer = client.get("/made")
        assert (made_answer.status_code, made_answer.text, made_answer.headers["x-made"]) == (201, "body", "yes")
        for path in ("/file", "/conditional"):
            part = client.get(path, headers={"Range": "bytes=1000-400000"})
            assert (part.status_code, part.content) == (206, CONTENT[1000:400_001])
            assert part.headers["content-range"] == f"bytes 1000-400000/{len(CONTENT)}"
            assert client.get(path, headers={"Range": "bytes=9999999-"}).status_code == 416
