"""Subclasses that override Flask's methods, and WSGI middleware: honoured in both lanes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import flask
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from aeros_compat import WebServer

if TYPE_CHECKING:
    from .conftest import Lane

METHODS = [
    "dispatch_request",
    "finalize_request",
    "full_dispatch_request",
    "make_response",
    "preprocess_request",
    "process_response",
    "do_teardown_request",
    "do_teardown_appcontext",
    "wsgi_app",
]
ERROR_METHODS = ["handle_user_exception", "handle_http_exception", "handle_exception", "log_exception"]


def override(name: str, calls: list[tuple[str, bool]]) -> type[WebServer]:
    """A subclass whose method ``name`` notes that it was called, and whether on an event loop."""

    def method(self: WebServer, *args: Any, **kwargs: Any) -> Any:
        calls.append((name, threading.current_thread().name == "aeros-wsgi-loop"))
        return getattr(WebServer, name)(self, *args, **kwargs)

    return type("Overridden", (WebServer,), {name: method})


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_a_subclass(name: str, lane: Lane) -> None:
    calls: list[tuple[str, bool]] = []
    app = override(name, calls)(__name__)
    app.add_url_rule("/", view_func=lane(lambda: "ok"), endpoint="view")
    assert app.test_client().get("/").text == "ok"
    # Sync code of the user's: called, once, and never on the event loop.
    assert calls == [(name, False)]


@pytest.mark.parametrize("name", ERROR_METHODS)
def test_error_methods_of_a_subclass(name: str, lane: Lane) -> None:
    calls: list[tuple[str, bool]] = []
    app = override(name, calls)(__name__)
    error: Any = {"handle_http_exception": flask.abort}.get(name)

    @app.route("/")
    @lane
    def view() -> str:
        if error is not None:
            error(404)
        raise ValueError("oops")

    assert app.test_client().get("/").status_code == (404 if error else 500)
    assert calls == [(name, False)]


def test_method_replaced_on_the_object(app: WebServer, lane: Lane) -> None:
    """As Flask-RESTful does it."""
    inner = app.handle_user_exception
    app.handle_user_exception = lambda e: ("routed", 400) if isinstance(e, KeyError) else inner(e)  # type: ignore[method-assign]

    @app.route("/")
    @lane
    def view() -> str:
        raise KeyError("x")

    response = app.test_client().get("/")
    assert (response.status_code, response.text) == (400, "routed")


class Guard:
    """Middleware that opens the door for those who know the word, and notes it in environ and headers."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if "word=sesame" not in environ["QUERY_STRING"]:
            start_response("403 FORBIDDEN", [("Content-Type", "text/plain")])
            return [b"closed"]
        environ["guard.user"] = "ali"

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, ("X-Guard", "passed")], exc_info)

        return (piece.upper() for piece in self.app(environ, start))


def test_wsgi_middleware_is_never_skipped(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: flask.request.environ["guard.user"]), endpoint="view")
    app.wsgi_app = Guard(app.wsgi_app)  # type: ignore[method-assign]
    client = app.test_client()
    assert (client.get("/").status_code, client.get("/").text) == (403, "closed")
    response = client.get("/?word=sesame")
    assert (response.text, response.headers["X-Guard"]) == ("ALI", "passed")


def test_wsgi_middleware_that_changes_the_route(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/a", view_func=lane(lambda: "a"), endpoint="a")
    app.add_url_rule("/b", view_func=lane(lambda: "b"), endpoint="b", methods=["GET", "PUT"])
    inner = app.wsgi_app

    def rewrite(environ: Any, start_response: Any) -> Any:
        environ["PATH_INFO"], environ["REQUEST_METHOD"] = "/b", "PUT"
        return inner(environ, start_response)

    app.wsgi_app = rewrite  # type: ignore[method-assign]
    assert app.test_client().get("/a").text == "b"


def test_dispatcher_middleware(app: WebServer, lane: Lane) -> None:
    def old(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["SCRIPT_NAME"].encode(), environ["PATH_INFO"].encode()]

    app.add_url_rule("/new", view_func=lane(lambda: "new"), endpoint="new")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/old": old})  # type: ignore[method-assign]
    client = app.test_client()
    assert client.get("/old/tool").text == "/old/tool"
    assert client.get("/new").text == "new"


def test_proxy_fix(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: flask.request.remote_addr + flask.request.url), endpoint="view")  # type: ignore[operator]
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]
    headers = {
        "X-Forwarded-For": "9.9.9.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "front.example",
        "X-Forwarded-Prefix": "/app",
    }
    assert app.test_client().get("/", headers=headers).text == "9.9.9.9https://front.example/app/"


def test_agent_that_patches_flask_sees_every_request(
    app: WebServer, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentry's way: a request that it does not see would be reported with another's data."""
    seen: list[str] = []
    original = flask.Flask.__call__

    def patched(self: Any, environ: Any, start_response: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        return original(self, environ, start_response)

    app.add_url_rule("/page", view_func=lane(lambda: "ok"), endpoint="view")
    monkeypatch.setattr(flask.Flask, "__call__", patched)
    assert app.test_client().get("/page").text == "ok"
    assert seen == ["/page"]


def test_session_interface_of_quart(app: WebServer, lane: Lane) -> None:
    import quart.sessions

    class Interface(quart.sessions.SessionInterface):
        async def open_session(self, app: Any, request: Any) -> Any:
            return quart.sessions.SecureCookieSession({"opened": request.path})

        async def save_session(self, app: Any, session: Any, response: Any) -> None:
            response.headers["X-Session"] = str(dict(session))

    app.core.session_interface = Interface()
    assert isinstance(app.core.session_interface, Interface)
    app.add_url_rule("/page", view_func=lane(lambda: flask.session["opened"]), endpoint="view")
    response = app.test_client().get("/page")
    assert (response.text, response.headers["X-Session"]) == ("/page", "{'opened': '/page'}")


def test_session_that_cannot_be_opened(app: WebServer, lane: Lane) -> None:
    """Flask: a 500, no error handler of the user's for it, and one attempt."""
    opened: list[bool] = []

    class Interface(flask.sessions.SecureCookieSessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            opened.append(True)
            raise ValueError("no session")

    app.testing = False
    app.session_interface = Interface()
    app.register_error_handler(ValueError, lambda error: ("handled", 400))
    app.add_url_rule("/", view_func=lane(lambda: "ok"), endpoint="view")
    assert app.test_client().get("/").status_code == 500
    assert opened == [True]


def test_request_context_of_a_subclass(lane: Lane) -> None:
    made: list[str] = []

    class Custom(WebServer):
        def request_context(self, environ: Any) -> Any:
            made.append(environ["PATH_INFO"])
            return super().request_context(environ)

    app = Custom(__name__)
    app.add_url_rule("/page", view_func=lane(lambda: "ok"), endpoint="view")
    assert app.test_client().get("/page").text == "ok"
    assert made == ["/page"]


def test_session_interface_of_the_users(app: WebServer, lane: Lane) -> None:
    """It may ask a server: it is never called on the event loop."""
    threads: list[str] = []

    class Interface(flask.sessions.SessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            threads.append(threading.current_thread().name)
            return flask.sessions.SecureCookieSession({"opened": request.path})

        def save_session(self, app: Any, session: Any, response: Any) -> None:
            threads.append(threading.current_thread().name)
            response.headers["X-Session"] = str(dict(session))

    app.session_interface = Interface()
    app.add_url_rule("/page", view_func=lane(lambda: flask.session["opened"]), endpoint="view")
    response = app.test_client().get("/page")
    assert (response.text, response.headers["X-Session"]) == ("/page", "{'opened': '/page'}")
    assert threads == [threading.current_thread().name] * 2
