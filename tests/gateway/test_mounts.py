"""Applications mounted under a prefix."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

import fastapi
import flask
import httpx
import pytest
import quart
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount as StarletteMount
from starlette.routing import Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from aeros_compat import WebServer

from ..asgi import http_scope
from ..servers import raw_exchange, served, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..conftest import Lane


def legacy(environ: Any, start_response: Any) -> Iterable[bytes]:
    """A plain WSGI application: what it is called with, then what it has been sent."""
    root, path = environ["SCRIPT_NAME"], environ["PATH_INFO"]
    body = f"{root}|{path}|".encode("latin-1") + environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def old_flask() -> flask.Flask:
    app = flask.Flask("old")
    app.secret_key = "only for tests"

    @app.get("/")
    def index() -> str:
        return f"{flask.request.script_root} {flask.request.path} {flask.url_for('item', name='ab')}"

    @app.get("/item/<name>")
    def item(name: str) -> Any:
        return name

    @app.get("/away")
    def away() -> Any:
        flask.session["seen"] = True
        return flask.redirect(flask.url_for("index"))

    return app


def new_fastapi() -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    @app.get("/")
    async def index(request: fastapi.Request) -> Any:
        return PlainTextResponse(f"{request.scope['root_path']} {request.url_for('item', name='ab').path}")

    @app.get("/item/{name}", name="item")
    async def item(name: str) -> Any:
        return PlainTextResponse(name)

    @app.get("/away")
    async def away(request: fastapi.Request) -> Any:
        return fastapi.responses.RedirectResponse(request.url_for("index"), 302)

    return app


def quart_app() -> quart.Quart:
    app = quart.Quart("quart_app")

    @app.get("/")
    async def index() -> str:
        return f"{quart.request.root_path} {quart.request.path} {quart.url_for('item', name='ab')}"

    @app.get("/item/<name>")
    async def item(name: str) -> str:
        return name

    @app.get("/away")
    async def away() -> Any:
        return quart.redirect(quart.url_for("index"))

    return app


def web_server(lane: Callable[[Any], Any] = lambda view: view) -> WebServer:
    app = WebServer("inner")

    @app.get("/")
    @lane
    def index() -> str:
        return f"{flask.request.script_root} {flask.request.path} {flask.url_for('item', name='ab')}"

    @app.get("/item/<name>")
    @lane
    def item(name: str) -> str:
        return name

    @app.get("/away")
    @lane
    def away() -> Any:
        return flask.redirect(flask.url_for("index"))

    return app


def async_web_server() -> WebServer:
    from ..conftest import _async

    return web_server(_async)


APPLICATIONS: dict[str, Callable[[], Any]] = {
    "flask": old_flask,
    "flask.wsgi_app": lambda: old_flask().wsgi_app,
    "fastapi": new_fastapi,
    "quart": quart_app,
    "WebServer": web_server,
    "WebServer, async": async_web_server,
    "WebServer.wsgi_app": lambda: web_server().wsgi_app,
}


@pytest.fixture
def outer(app: WebServer) -> WebServer:
    app.add_url_rule("/", view_func=lambda: "home", endpoint="home")
    app.add_url_rule("/<path:path>", view_func=lambda path: f"outer {path}", endpoint="rest")
    return app


@pytest.fixture(params=["asgi", "wsgi"])
def ask(request: pytest.FixtureRequest, outer: WebServer) -> Iterator[Callable[[str], tuple[int, str, str | None]]]:
    """Asks the application, on uvicorn or through the WSGI entry: status, text, and where a redirect leads."""
    if request.param == "wsgi":

        def ask_client(path: str) -> tuple[int, str, str | None]:
            response = outer.test_client().get(path)
            return response.status_code, response.text, response.headers.get("Location")

        yield ask_client
        return
    # Served when the first request comes: until then the test may mount.
    with contextlib.ExitStack() as stack:
        urls: list[str] = []

        def ask_server(path: str) -> tuple[int, str, str | None]:
            if not urls:
                urls.append(stack.enter_context(served(outer)))
            response = httpx.get(urls[0] + path)
            return response.status_code, response.text, response.headers.get("Location")

        yield ask_server


@pytest.mark.parametrize("kind", APPLICATIONS)
def test_every_kind_of_application(outer: WebServer, ask: Any, kind: str) -> None:
    outer.mount("/in/ner", APPLICATIONS[kind]())
    status, text, _ = ask("/in/ner/")
    assert (status, text.split()[0], text.split()[-1]) == (200, "/in/ner", "/in/ner/item/ab")
    assert ask("/in/ner/item/a%20%C3%A9")[:2] == (200, "a é")
    status, _, location = ask("/in/ner/away")
    assert (status, httpx.URL(location or "").path) == (302, "/in/ner/")
    assert ask("/in/ner/nothing")[0] == 404
    assert ask("/in/nerve")[:2] == (200, "outer in/nerve")
    assert ask("/")[:2] == (200, "home")


def test_longest_prefix_wins_and_siblings_are_left_alone(outer: WebServer, ask: Any) -> None:
    outer.mount("/api", legacy)
    outer.mount("/api/v2", web_server())
    outer.mount("/api/v2/old", legacy)
    assert ask("/api/v1/x")[1] == "/api|/v1/x|"
    assert ask("/api/v2/item/x")[1] == "x"
    assert ask("/api/v2/old/x")[1] == "/api/v2/old|/x|"
    assert ask("/api")[1] == "/api||"
    assert ask("/api/v2/oldest")[0] == 404
    assert ask("/apiary")[1] == "outer apiary"
    assert ask("/ap")[1] == "outer ap"


def test_mounts_within_mounts(outer: WebServer, ask: Any) -> None:
    inner = web_server()
    inner.mount("/deep", legacy)
    inner.mount("/star", Starlette(routes=[StarletteMount("/let", new_fastapi())]))
    outer.mount("/inner", inner)
    assert ask("/inner/deep/x")[1] == "/inner/deep|/x|"
    assert ask("/inner/star/let/")[1] == "/inner/star/let /inner/star/let/item/ab"
    assert ask("/inner/item/1")[1] == "1"


def test_a_prefix_that_is_no_ascii(outer: WebServer, ask: Any) -> None:
    outer.mount("/größe", legacy)
    assert ask("/gr%C3%B6%C3%9Fe/x%C3%A9")[1] == "/größe|/xé|".encode().decode()
    assert ask("/gr%C3%B6%C3%9Fer")[1] == "outer größer"


def test_bytes_of_a_path_survive(outer: WebServer) -> None:
    outer.mount("/legacy", legacy)
    with served(outer) as url:
        request = b"GET /leg%61cy/%FF%2Fx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert raw_exchange(url, request).endswith(b"/legacy|/\xff/x|")


@pytest.mark.parametrize("path", ["/legacy/../", "/legacy/%2e%2e/", "/legacy//etc", "/x/../legacy"])
def test_dots_are_nobodys_business_but_the_mounted_applications(outer: WebServer, path: str) -> None:
    """Nothing is resolved: the prefix is compared with the path as it came, as every WSGI dispatcher does."""
    outer.mount("/legacy", legacy)
    with served(outer) as url:
        answer = raw_exchange(url, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    decoded = path.replace("%2e", ".")
    expected = f"/legacy|{decoded.removeprefix('/legacy')}|" if decoded.startswith("/legacy") else f"outer {path[1:]}"
    assert answer.endswith(expected.encode())


@pytest.mark.parametrize("options", [{"root_path": "/root"}, {}])
def test_below_a_root_path(outer: WebServer, options: dict[str, str]) -> None:
    outer.mount("/legacy", legacy)
    outer.mount("/fast", new_fastapi())
    root = options.get("root_path", "")
    with served(outer, **options) as url:
        assert httpx.get(f"{url}/legacy/x").text == f"{root}/legacy|/x|"
        assert httpx.get(f"{url}/fast/").text == f"{root}/fast {root}/fast/item/ab"


def test_bodies_and_cookies(outer: WebServer) -> None:
    """Chunked bodies, several Cookie headers, header names with underscores: where bridges lose things."""

    def echo(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        stream = environ["wsgi.input"]
        first = stream.readline(3)
        return [
            first,
            b"|",
            stream.read(),
            b"|",
            environ.get("HTTP_COOKIE", "").encode(),
            b"|",
            environ.get("HTTP_X_FORWARDED_FOR", "").encode(),
        ]

    outer.mount("/echo", echo)
    with served(outer) as url:
        headers = [("Cookie", "a=1"), ("Cookie", "b=2"), ("X_Forwarded_For", "6.6.6.6")]
        response = httpx.post(f"{url}/echo", content=iter([b"chunk", b"ed"]), headers=headers)
        assert response.text == "chu|nked|a=1; b=2|"
        assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
        big = b"x" * 3_000_000
        assert httpx.post(f"{url}/echo", content=big).content == b"xxx|" + big[3:] + b"||"


@pytest.mark.parametrize("size", [0, 30, 3_000_000])
def test_what_is_handed_over_is_valid_wsgi(outer: WebServer, size: int) -> None:
    def strict(environ: Any, start_response: Any) -> Iterable[bytes]:
        stream = environ["wsgi.input"]
        pieces = [stream.read(10), stream.readline(), *stream.readlines(15), *iter(lambda: stream.read(70_000), b"")]
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return iter(pieces)

    outer.mount("/strict", validator(strict))
    body = (b"0123456789" * 2 + b"\n") * (size // 21)
    with served(outer) as url:
        assert httpx.post(f"{url}/strict/x?y=1", content=body).content == body
    assert outer.test_client().post("/strict/x?y=1", data=body).data == body


def test_a_mount_runs_on_one_worker_thread(outer: WebServer) -> None:
    threads: list[str] = []

    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        for piece in (b"a", b"b", b"c"):
            threads.append(threading.current_thread().name)
            yield piece

    outer.mount("/legacy", application)
    with served(outer) as url:
        assert httpx.get(f"{url}/legacy").text == "abc"
    assert len(set(threads)) == 1
    assert threads[0].startswith("aeros-worker")


def endless(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    environ["test.opened"].append(1)
    try:
        while True:
            yield b"x" * 65536
    finally:
        environ["test.closed"].append(threading.get_ident())


def test_clients_that_leave_take_no_thread(outer: WebServer) -> None:
    """a2wsgi (1.10.10) loses a thread for each of them, once its queue is full and ``send`` raises."""
    opened: list[int] = []
    closed: list[int] = []
    outer.mount("/endless", lambda e, s: endless({**e, "test.opened": opened, "test.closed": closed}, s))
    outer.worker_threads = 2
    clients = 12
    with served(outer) as url, httpx.Client(base_url=url) as client:
        client.get("/").raise_for_status()
        before = threading.active_count()
        for _ in range(clients):
            with httpx.stream("GET", f"{url}/endless"):
                pass
        assert client.get("/").text == "home"
        wait_for(lambda: len(closed) == clients, timeout=10)
        wait_for(lambda: threading.active_count() <= before + 2, timeout=10)
    assert len(opened) == clients


def test_a_send_that_raises_takes_no_thread(outer: WebServer) -> None:
    """As servers of ASGI 2.4 do when the client has left."""
    closed: list[int] = []
    outer.mount("/endless", lambda e, s: endless({**e, "test.opened": [], "test.closed": closed}, s))
    outer.worker_threads = 2

    async def scenario() -> None:
        async def receive() -> Any:
            if not received:
                received.append(1)
                return {"type": "http.request", "body": b"", "more_body": False}
            await asyncio.sleep(3600)
            return None

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                raise OSError("the client has left")

        for _ in range(6):
            received: list[int] = []
            scope = http_scope("/endless", asgi={"version": "3.0", "spec_version": "2.4"})
            with pytest.raises(OSError, match="has left"):
                await asyncio.wait_for(outer(scope, receive, send), 5)

    asyncio.run(scenario())
    assert len(closed) == 6


def failing(environ: Any, start_response: Any) -> Iterator[bytes]:
    if environ["PATH_INFO"] != "/never":
        start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/before":
        raise LookupError("no answer")
    yield b"first"
    time.sleep(0.05)
    raise LookupError("no more")


def test_wsgi_application_that_fails(outer: WebServer, capfd: pytest.CaptureFixture[str]) -> None:
    outer.mount("/failing", failing)
    with served(outer) as url:
        assert httpx.get(f"{url}/failing/before").status_code == 500
        assert httpx.get(f"{url}/failing/never").status_code == 500
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{url}/failing/midway")
        assert httpx.get(url).text == "home"
    log = capfd.readouterr().err
    assert "LookupError: no answer" in log
    assert "has not called start_response" in log
    assert "LookupError: no more" in log
    with pytest.raises(LookupError, match="no answer"):
        outer.test_client().get("/failing/before")


class Stamp:
    """WSGI middleware: marks the environ and the answer, and answers some requests by itself."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if "closed" in environ["QUERY_STRING"]:
            start_response("403 FORBIDDEN", [("Content-Type", "text/plain")])
            return [b"closed"]

        def stamped(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            return start_response(status, [*headers, ("X-Stamp", environ["PATH_INFO"])], *exc_info)

        return self.app(environ, stamped)  # type: ignore[no-any-return]


@pytest.mark.parametrize("entry", ["asgi", "wsgi"])
@pytest.mark.parametrize("kind", ["flask", "fastapi", "quart", "WebServer, async"])
def test_what_wraps_wsgi_app_stands_around_mounts(outer: WebServer, kind: str, entry: str) -> None:
    """It may be a guard."""
    outer.mount("/inner", APPLICATIONS[kind]())
    outer.wsgi_app = Stamp(outer.wsgi_app)  # type: ignore[method-assign]
    with served(outer) as url, httpx.Client(base_url=url) as client:
        get: Any = client.get if entry == "asgi" else outer.test_client().get
        answer = get("/inner/item/x")
        # The mounted application has not changed the environ that the middleware has.
        assert (answer.status_code, answer.text, answer.headers["X-Stamp"]) == (200, "x", "/inner/item/x")
        refused = get("/inner/item/x?closed")
        assert (refused.status_code, refused.text) == (403, "closed")


def test_streams_and_uploads_of_a_mounted_asgi_application_behind_wsgi_middleware(outer: WebServer) -> None:
    async def echo(request: Any) -> Any:
        return StreamingResponse(request.stream())

    outer.mount("/star", Starlette(routes=[Route("/", echo, methods=["POST"])]))
    outer.wsgi_app = Stamp(outer.wsgi_app)  # type: ignore[method-assign]
    data = bytes(range(256)) * 10_000
    with served(outer) as url:
        assert httpx.post(f"{url}/star/", content=data).content == data
        assert httpx.post(f"{url}/star/", content=iter([b"chunk", b"ed"])).content == b"chunked"


@pytest.mark.parametrize("behind_middleware", [False, True])
def test_no_piece_of_an_upload_is_lost_by_who_else_receives(outer: WebServer, behind_middleware: bool) -> None:
    """Starlette's responses listen for the client to leave while the view reads, and its middleware cancels that.

    Each of the two gets pieces of the body; what is cancelled must have taken none. (What the listener gets, Starlette
    throws away, on uvicorn without a mount, too: an echo of ``request.stream()`` comes short there.)
    """

    async def count(scope: Any, receive: Any, send: Any) -> None:
        """Answers with the bytes that two tasks have received, which have been cancelled all the time."""
        if scope["type"] == "lifespan":
            return
        sizes = []
        ended = asyncio.Event()

        async def receive_often() -> None:
            while not ended.is_set():
                receiving = asyncio.create_task(receive())
                await asyncio.sleep(0)
                receiving.cancel()
                await asyncio.wait([receiving])
                if not receiving.cancelled():
                    sizes.append(len(receiving.result()["body"]))
                    if not receiving.result()["more_body"]:
                        ended.set()

        await asyncio.gather(receive_often(), receive_often())
        await PlainTextResponse(str(sum(sizes)))(scope, receive, send)

    outer.mount("/count", count)
    if behind_middleware:
        outer.wsgi_app = Stamp(outer.wsgi_app)  # type: ignore[method-assign]
    data = bytes(range(256)) * 10_000
    with served(outer) as url:
        assert httpx.post(f"{url}/count", content=data).text == str(len(data))


def test_dispatcher_middleware_of_werkzeug(app: WebServer, lane: Lane) -> None:
    """Those who have it keep it."""
    app.add_url_rule("/", view_func=lane(lambda: "home"), endpoint="home")
    inner = web_server(lane)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/old": old_flask(), "/new": inner.wsgi_app, "/raw": legacy})  # type: ignore[method-assign]
    with served(app) as url, httpx.Client(base_url=url) as client:
        for get in (client.get, app.test_client().get):
            assert get("/").text == "home"
            assert get("/old/").text == "/old / /old/item/ab"
            assert get("/new/").text == "/new / /new/item/ab"
            assert get("/raw/x").text == "/raw|/x|"


def test_environ_of_a_test_reaches_a_mounted_application(outer: WebServer) -> None:
    def user(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["REMOTE_USER"].encode()]

    outer.mount("/user", user)
    assert outer.test_client().get("/user", environ_overrides={"REMOTE_USER": "ada"}).text == "ada"


def test_context_of_a_test_reaches_a_mounted_application(outer: WebServer) -> None:
    thread: list[int] = []

    def where(environ: Any, start_response: Any) -> Iterable[bytes]:
        thread.append(threading.get_ident())
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(flask.current_app.name).encode()]

    outer.mount("/where", where)
    with outer.app_context():
        assert outer.test_client().get("/where").text == "tests.application"
    assert thread == [threading.get_ident()]


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("", "would hide every route"),
        ("/", "would hide every route"),
        ("legacy", "begins with a slash: '/legacy'"),
        ("/a//b", "empty or a dotted part"),
        ("/a/../b", "empty or a dotted part"),
        ("/<name>", "variable part"),
        ("/a?b", "a character that no prefix needs"),
        ("/a%20b", "a character that no prefix needs"),
        ("/a\n", "a character that no prefix needs"),
    ],
)
def test_prefixes_that_cannot_be(app: WebServer, prefix: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        app.mount(prefix, legacy)


def test_mistakes_are_named(app: WebServer) -> None:
    with pytest.raises(TypeError, match="is a string such as"):
        app.mount(None, legacy)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="is a WSGI or ASGI callable"):
        app.mount("/x", "module:app")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="neither as WSGI"):
        app.mount("/x", lambda: legacy)  # type: ignore[arg-type]
    app.mount("/x/", legacy)
    with pytest.raises(ValueError, match="an application at '/x' already"):
        app.mount("/x", web_server())


def test_mounting_after_the_first_request_is_refused(app: WebServer) -> None:
    app.test_client().get("/")
    with pytest.raises(AssertionError, match="mount"):
        app.mount("/late", legacy)


def test_asgi_without_coroutine_functions(outer: WebServer, ask: Any) -> None:
    """Wrappers that are plain functions: told apart by their arguments."""
    inner = new_fastapi()
    outer.mount("/asgi", lambda scope, receive, send: inner(scope, receive, send))
    outer.mount("/wsgi", lambda environ, start_response: legacy(environ, start_response))
    assert ask("/asgi/item/1")[1] == "1"
    assert ask("/wsgi/1")[1] == "/wsgi|/1|"


def test_a_slow_mount_does_not_stop_the_loop(outer: WebServer) -> None:
    release = threading.Event()

    def slow(environ: Any, start_response: Any) -> Iterable[bytes]:
        release.wait(10)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"slow"]

    @outer.get("/quick")
    async def quick() -> str:
        return "quick"

    outer.mount("/slow", slow)
    with served(outer) as url:
        port = httpx.URL(url).port
        assert port is not None
        with contextlib.closing(socket.create_connection(("127.0.0.1", port))) as connection:
            connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert httpx.get(f"{url}/quick").text == "quick"
            release.set()
            assert connection.makefile("rb").read().endswith(b"slow")
