"""The same object as ASGI and as WSGI application, on the servers that people use, with their default detection."""

from __future__ import annotations

import asyncio
import contextvars
import io
import threading
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

import flask
import httpx
import pytest
from werkzeug.test import create_environ, run_wsgi_app

from aeros_compat import WebServer

from .servers import free_port, process, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Lane

MODULE = """
import asyncio, threading
from aeros_compat import WebServer
import flask

app = WebServer(__name__)
started = []

@app.before_serving
async def start():
    started.append(asyncio.get_running_loop())

@app.get("/sync")
def sync():
    return {"thread": threading.current_thread().name, "q": flask.request.args["q"]}

@app.get("/async")
async def awaited():
    await asyncio.sleep(0)
    return {"thread": threading.current_thread().name, "q": flask.request.args["q"]}

@app.post("/echo")
def echo():
    return flask.request.get_data()

@app.get("/stream")
def stream():
    return (f"{number} " for number in range(3))

@app.get("/loop")
def loop():
    async def same():
        return not started or asyncio.get_running_loop() is started[0]
    return {"same": app.async_to_sync(same)()}
"""

SERVERS = {
    "uvicorn": ["uvicorn", "module:app", "--port", "{port}"],
    "hypercorn": ["hypercorn", "module:app", "--bind", "127.0.0.1:{port}"],
    # Granian detects nothing: its default interface is its own (RSGI), and it has to be told in any case.
    "granian asgi": ["granian", "--interface", "asgi", "--port", "{port}", "module:app"],
    "granian wsgi": ["granian", "--interface", "wsgi", "--port", "{port}", "module:app"],
    "gunicorn sync": ["gunicorn", "module:app", "--bind", "127.0.0.1:{port}"],
    "gunicorn gthread": ["gunicorn", "module:app", "--bind", "127.0.0.1:{port}", "--threads", "4"],
    "gunicorn uvicorn": ["gunicorn", "module:app", "--bind", "127.0.0.1:{port}", "-k", "uvicorn_worker.UvicornWorker"],
}


@pytest.mark.parametrize("name", SERVERS)
def test_server(name: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(MODULE)
    port = free_port()
    command = [part.format(port=port) for part in SERVERS[name]]
    with process(*command, port=port, cwd=tmp_path) as url, httpx.Client(base_url=url) as client:
        assert client.get("/sync?q=1").json()["q"] == "1"
        assert client.get("/async?q=2").json()["q"] == "2"
        assert client.post("/echo", content=b"x" * 2_000_000).content == b"x" * 2_000_000
        assert client.post("/echo", content=iter([b"chunk", b"ed"])).content == b"chunked"
        assert client.get("/stream").text == "0 1 2 "
        assert client.get("/loop").json() == {"same": True}
        assert client.get("/none").status_code == 404


def call(app: Any, path: str = "/", **kwargs: Any) -> tuple[str, dict[str, str], bytes]:
    iterable, status, headers = run_wsgi_app(app, create_environ(path, **kwargs))
    try:
        return status, dict(headers), b"".join(iterable)
    finally:
        if hasattr(iterable, "close"):
            iterable.close()


def test_wsgi_entry_is_valid_wsgi(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: "plain"), endpoint="plain")
    app.add_url_rule("/stream", view_func=lane(lambda: iter(["a", "b"])), endpoint="stream")
    app.add_url_rule("/echo", view_func=lane(lambda: flask.request.get_data()), endpoint="echo", methods=["POST"])
    checked = validator(app)
    assert call(checked)[2] == b"plain"
    assert call(checked, "/stream")[2] == b"ab"
    assert call(checked, "/echo", method="POST", data=b"body")[2] == b"body"


def test_wsgi_entry_keeps_the_callers_environ(app: WebServer, lane: Lane) -> None:
    @app.route("/")
    @lane
    def view() -> str:
        flask.request.environ["wsgi.errors"].write("noted")
        return f"{flask.request.environ['my.key']} {flask.request.remote_user} {flask.request.script_root}"

    errors = io.StringIO()
    extra = {"my.key": "mine", "REMOTE_USER": "ada", "SCRIPT_NAME": "/root"}
    environ = create_environ("/", errors_stream=errors, environ_overrides=extra)
    iterable, status, _ = run_wsgi_app(app, environ)
    assert (status, b"".join(iterable), errors.getvalue()) == ("200 OK", b"mine ada /root", "noted")


@pytest.mark.parametrize("key", ["REQUEST_URI", "RAW_URI"])
def test_target_of_the_request_in_the_environ(app: WebServer, lane: Lane, key: str) -> None:
    """Agents read it: what the caller says, else what the client has sent."""
    app.add_url_rule("/<path:path>", view_func=lane(lambda path: str(flask.request.environ.get(key))), endpoint="view")
    environ = create_environ("/a b", query_string="q=1")
    expected = environ[key]
    assert b"".join(run_wsgi_app(app, environ)[0]) == expected.encode()
    del environ[key]
    assert b"".join(run_wsgi_app(app, environ)[0]) == b"None"
    with served(app) as url:
        assert httpx.get(f"{url}/a%20b?q=1").text == "/a%20b?q=1"


def test_wsgi_entry_drives_the_asgi_application(app: WebServer, lane: Lane) -> None:
    seen: list[str] = []
    inner = app.asgi_app

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])
        await inner(scope, receive, send)

    app.asgi_app = middleware  # type: ignore[method-assign]
    app.add_url_rule("/path", view_func=lane(lambda: "ok"), endpoint="view")
    assert app.test_client().get("/path").text == "ok"
    assert seen == ["/path"]


def test_status_line_travels_to_wsgi(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: ("x", "299 Own Words")), endpoint="view")
    assert app.test_client().get("/").status == "299 Own Words"


variable: contextvars.ContextVar[str] = contextvars.ContextVar("tests.entries")


def test_view_runs_in_the_callers_context(app: WebServer, lane: Lane) -> None:
    """What a test sets is seen by the view, and the other way round, as under Flask."""
    local = threading.local()

    @app.route("/")
    @lane
    def view() -> str:
        seen = f"{variable.get()} {flask.g.set_by_test}"
        variable.set("by view")
        return seen

    @app.before_request
    def before() -> None:
        local.seen = True

    def scenario() -> None:
        variable.set("by test")
        with app.app_context():
            flask.g.set_by_test = "g"
            assert app.test_client().get("/").text == "by test g"
        assert variable.get() == "by view"
        assert local.seen

    contextvars.copy_context().run(scenario)


def test_context_is_preserved_for_a_client_block(app: WebServer, lane: Lane) -> None:
    @app.route("/")
    @lane
    def view() -> str:
        flask.g.answer = 42
        flask.session["x"] = 1
        return "ok"

    with app.test_client() as client:
        client.get("/?q=1")
        assert flask.request.args["q"] == "1"
        assert (flask.g.answer, flask.session["x"]) == (42, 1)
    assert not flask.has_request_context()


def test_stream_is_lazy_and_closed_when_the_caller_leaves(app: WebServer, lane: Lane) -> None:
    made: list[object] = []
    threads: set[int] = set()

    def pieces() -> Iterator[str]:
        try:
            for number in range(100):
                made.append(number)
                threads.add(threading.get_ident())
                yield f"{number}\n"
        finally:
            made.append("closed")
            threads.add(threading.get_ident())

    app.add_url_rule("/", view_func=lane(lambda: pieces()), endpoint="view")
    response = app.test_client().get("/", buffered=False)
    assert next(iter(response.response)) == b"0\n"
    response.close()
    assert made[-1] == "closed"
    assert len(made) < 6
    assert threads == {threading.get_ident()}


def test_client_inside_a_view(app: WebServer, lane: Lane) -> None:
    """A view that asks its own application: on the loop of the request it must not wait for itself."""
    app.add_url_rule("/inner", view_func=lane(lambda: "inner"), endpoint="inner")
    app.add_url_rule("/outer", view_func=lane(lambda: app.test_client().get("/inner").text), endpoint="outer")
    assert app.test_client().get("/outer").text == "inner"


def test_clients_inside_clients(app: WebServer, lane: Lane) -> None:
    """Each level blocks the loop below; loops are used again."""

    @app.route("/<int:depth>")
    @lane
    def view(depth: int) -> str:
        return app.test_client().get(f"/{depth - 1}").text + "." if depth else "end"

    client = app.test_client()
    assert client.get("/3").text == "end..."
    before = threading.active_count()
    for _ in range(5):
        assert client.get("/3").text == "end..."
    assert threading.active_count() == before


@pytest.mark.parametrize(
    "oddity",
    [
        {"HTTP_X_NAME": "Łukasz"},
        {"QUERY_STRING": "q=Ł"},
        {"PATH_INFO": "/Ł"},
        {"SERVER_PORT": "http"},
        {"SERVER_PORT": ""},
        {"REMOTE_ADDR": "1.1.1.1", "REMOTE_PORT": "unknown"},
        {"CONTENT_LENGTH": "many"},
        {"CONTENT_LENGTH": ""},
        {"wsgi.input": None},
    ],
)
def test_environs_that_no_server_makes(app: WebServer, lane: Lane, oddity: dict[str, Any]) -> None:
    """A test client may; what must not happen is that it waits for ever."""
    app.add_url_rule("/", view_func=lane(lambda: "ok"), endpoint="view")
    app.add_url_rule("/<path:path>", view_func=lane(lambda path: "ok"), endpoint="path")
    environ = {**create_environ("/"), **oddity}
    iterable, status, _ = run_wsgi_app(app, environ)
    assert (status, b"".join(iterable)) == ("200 OK", b"ok")


def test_header_names_come_back_as_they_were_written(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: ("x", {"ETag": '"1"', "X-ID": "2"})), endpoint="view")
    assert {"ETag", "X-ID", "Content-Type"} <= set(call(app)[1])


def test_caller_that_refuses_the_start_of_a_stream(app: WebServer, lane: Lane) -> None:
    """gunicorn does, for headers that it does not like: the stream is closed."""
    closed: list[bool] = []

    def pieces() -> Iterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            closed.append(True)

    def refuse(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        raise ValueError("refused")

    app.add_url_rule("/", view_func=lane(lambda: pieces()), endpoint="view")
    with pytest.raises(ValueError, match="refused"):
        app(create_environ("/"), refuse)
    assert closed == [True]


def test_stop_iteration_reaches_the_caller(app: WebServer, lane: Lane) -> None:
    """gunicorn takes it for a response that somebody has sent on its socket (simple-websocket does)."""

    class Sent(flask.Response):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            raise StopIteration

    app.add_url_rule("/", view_func=lane(Sent), endpoint="view")
    app.after_request(lambda response: response)
    with pytest.raises(StopIteration):
        app(create_environ("/"), lambda status, headers: None)


def test_callers_thread_is_only_borrowed(app: WebServer, lane: Lane) -> None:
    """asgiref's notes about this thread are gone after the request: async_to_sync makes a loop of its own again."""
    from asgiref.sync import async_to_sync, sync_to_async

    loops: list[Any] = []

    async def note() -> int:
        loops.append(asyncio.get_running_loop())
        return await sync_to_async(threading.get_ident)()

    app.add_url_rule("/", view_func=lane(lambda: "ok"), endpoint="view")
    app.before_request(lambda: None)
    app.test_client().get("/")
    assert async_to_sync(note)() == threading.get_ident()
    asyncio.run(note())
    assert all(loop.is_closed() for loop in loops)


def test_run_serves_on_loopback(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "module.py").write_text(MODULE + f"\nif __name__ == '__main__':\n    app.run(port={port})\n")
    with process("module", port=port, cwd=tmp_path) as url:
        assert httpx.get(f"{url}/sync?q=1").json()["thread"].startswith("aeros-worker")


def test_run_is_ignored_by_the_flask_command(
    app: WebServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    app.run()
    assert "Ignoring a call to 'app.run()'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("server_name", "given", "expected"),
    [
        (None, (None, None), ("127.0.0.1", 5000)),
        ("named.example:8080", (None, None), ("named.example", 8080)),
        ("named.example:8080", ("127.0.0.2", 0), ("127.0.0.2", 0)),
    ],
)
def test_where_run_listens(
    server_name: str | None, given: tuple[str | None, int | None], expected: tuple[str, int]
) -> None:
    from aeros_compat.serving.settings import address_of

    app = WebServer(__name__)
    app.config["SERVER_NAME"] = server_name
    assert address_of(app, *given) == expected
    assert address_of(WebServer(__name__, host="0.0.0.0", port=80), None, None) == ("0.0.0.0", 80)
