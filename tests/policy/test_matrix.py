"""Every kind of answer, under every policy, through both entries: the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import flask
import httpx
import pytest
import quart

from aeros_compat import WebServer

from ..servers import served
from .decoding import ALGORITHMS, decoded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from werkzeug.test import TestResponse

TEXT = "A line of a text that is worth to be compressed.\n" * 40
LARGE = TEXT * 200
SITE = "https://site.example"


class Row(NamedTuple):
    """One kind of answer: the request that gets it, and what it is by itself."""

    kind: str
    path: str
    status: int = 200
    method: str = "GET"
    headers: dict[str, str] = {}
    #: Whether there is a body that an encoding can be applied to.
    has_body: bool = True
    #: Whether its length is unknown when it begins: then flask-compress's streaming algorithms hold.
    is_stream: bool = False


ROWS = [
    Row("sync view", "/sync"),
    Row("async view", "/async"),
    Row("Quart response", "/quart"),
    Row("static file", "/static/file.txt"),
    Row("large static file", "/static/large.txt"),
    Row("404", "/missing", 404),
    Row("405", "/sync", 405, "DELETE"),
    Row("500", "/fail", 500),
    Row("500 of an async view", "/fail-async", 500),
    Row("redirect", "/redirect", 302),
    Row("redirect to the slash", "/slash", 308),
    Row("abort", "/abort", 403),
    Row("stream", "/stream", is_stream=True),
    Row("async stream", "/stream-async", is_stream=True),
    Row("mounted WSGI application", "/wsgi/x"),
    Row("mounted ASGI application", "/asgi/x"),
    Row("404 of a mounted WSGI application", "/wsgi/missing", 404),
    Row("HEAD", "/sync", method="HEAD", has_body=False),
    Row("OPTIONS", "/sync", method="OPTIONS", has_body=False),
    Row("304", "/conditional", 304, headers={"If-None-Match": '"x"'}, has_body=False),
    Row("range", "/static/file.txt", 206, headers={"Range": "bytes=0-9"}, has_body=False),
    Row("no content", "/empty", 204, has_body=False),
]


def application(static: Path) -> WebServer:
    """An application with a view for each row and every policy switched on."""
    (static / "file.txt").write_text(TEXT)
    (static / "large.txt").write_text(LARGE)
    app = WebServer(
        __name__,
        static_folder=str(static),
        static_url_path="/static",
        global_headers={"X-Global": "everywhere"},
        include_server_header=False,
        cors={"origins": SITE, "supports_credentials": True},
    )
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.config["COMPRESS_MIN_SIZE"] = 1  # error pages and redirects are short
    add_views(app)
    add_mounts(app)
    return app


def add_views(app: WebServer) -> None:
    @app.get("/sync")
    def sync() -> str:
        return TEXT

    @app.get("/async")
    async def awaited() -> str:
        return TEXT

    @app.get("/quart")
    async def quarts() -> Any:
        return quart.Response(TEXT, mimetype="text/plain")

    @app.get("/fail")
    def fail() -> str:
        raise ZeroDivisionError

    @app.get("/fail-async")
    async def fail_async() -> str:
        raise ZeroDivisionError

    @app.get("/redirect")
    def redirect() -> Any:
        return flask.redirect("/sync")

    @app.get("/slash/")
    def slash() -> str:
        return TEXT

    @app.get("/abort")
    async def abort() -> Any:
        flask.abort(403)

    @app.get("/stream")
    def stream() -> Iterator[str]:
        return iter([TEXT, "end"])

    @app.get("/stream-async")
    async def stream_async() -> AsyncIterator[str]:
        async def pieces() -> AsyncIterator[str]:
            yield TEXT
            yield "end"

        return pieces()

    @app.get("/conditional")
    def conditional() -> Any:
        response = flask.make_response(TEXT)
        response.set_etag("x")
        return response.make_conditional(flask.request)

    @app.get("/empty")
    def empty() -> Any:
        return "", 204

    @app.after_request
    def name_server(response: flask.Response) -> flask.Response:
        response.headers["Server"] = "named by the application"
        return response


def add_mounts(app: WebServer) -> None:
    old = flask.Flask("old")

    @old.get("/x")
    def view() -> Any:
        return TEXT, {"Server": "old"}

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/plain"), (b"server", b"new")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": TEXT.encode()})

    app.mount("/wsgi", old)
    app.mount("/asgi", asgi)


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all_of(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


Ask = Callable[..., Answer]


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def ask(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Sends the request of a row, with more headers, through one of the entries."""
    app = application(tmp_path_factory.mktemp("static"))
    if request.param == "wsgi":
        client = app.test_client()

        def through_wsgi(row: Row, **headers: str) -> Answer:
            found: TestResponse = client.open(row.path, method=row.method, headers=row.headers | named(headers))
            return Answer(found.status_code, list(found.headers), found.data)

        yield through_wsgi
        return
    # The server's own header is the server's to leave out; see test_headers.py.
    with served(app, server_header=False) as url, httpx.Client(headers={"Accept-Encoding": "identity"}) as http:

        def through_asgi(row: Row, **headers: str) -> Answer:
            with http.stream(row.method, url + row.path, headers=row.headers | named(headers)) as found:
                return Answer(found.status_code, found.headers.multi_items(), b"".join(found.iter_raw()))

        yield through_asgi


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


each_row = pytest.mark.parametrize("row", ROWS, ids=[row.kind for row in ROWS])


@each_row
def test_the_answer_is_of_its_kind(ask: Ask, row: Row) -> None:
    answer = ask(row)
    assert answer.status == row.status
    assert bool(answer.body) == (row.has_body or row.kind == "range")
    if row.status == 200 and row.has_body:
        assert answer.body.decode() == (LARGE if "large" in row.kind else TEXT) + ("end" if row.is_stream else "")


@each_row
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_compression(ask: Ask, row: Row, algorithm: str) -> None:
    plain, answer = ask(row), ask(row, Accept_Encoding=algorithm)
    applies = row.has_body or row.method == "HEAD"
    expected = algorithm if applies and not (row.is_stream and algorithm == "gzip") else None
    assert answer.status == row.status
    assert answer.all_of("content-encoding") == ([expected] if expected else [])
    assert plain.all_of("content-encoding") == []
    if row.has_body:
        assert decoded(answer.body, expected) == plain.body
    else:
        assert answer.body == plain.body
    for found in (plain, answer):
        assert (", ".join(found.all_of("vary")).count("Accept-Encoding")) == int(applies)
    for length in answer.all_of("content-length"):
        assert row.method == "HEAD" or int(length) == len(answer.body)


@each_row
def test_clients_that_take_no_encoding(ask: Ask, row: Row) -> None:
    for accept in ("identity", "", "br;q=0, gzip;q=0"):
        assert ask(row, Accept_Encoding=accept).all_of("content-encoding") == []


@each_row
def test_global_headers(ask: Ask, row: Row) -> None:
    assert ask(row).all_of("x-global") == ["everywhere"]


@each_row
def test_cors(ask: Ask, row: Row) -> None:
    shared = ask(row, Origin=SITE)
    assert shared.all_of("access-control-allow-origin") == [SITE]
    assert shared.all_of("access-control-allow-credentials") == ["true"]
    refused = ask(row, Origin="https://evil.example")
    assert not [name for name, _ in refused.headers if name.lower().startswith("access-control")]
    for answer in (shared, refused, ask(row)):
        assert answer.status == row.status
        assert ", ".join(answer.all_of("vary")).split(", ").count("Origin") == 1


@each_row
def test_preflight(ask: Ask, row: Row) -> None:
    asked = row._replace(method="OPTIONS", headers={})
    answer = ask(asked, Origin=SITE, Access_Control_Request_Method="PUT", Accept_Encoding="br")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.all_of("access-control-allow-origin") == [SITE]
    assert answer.all_of("x-global") == ["everywhere"]
    assert answer.all_of("server") == []


@each_row
def test_server_header(ask: Ask, row: Row) -> None:
    assert ask(row).all_of("server") == []
