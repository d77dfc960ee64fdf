"""Async websocket views: one state behind both frameworks' names, hooks, errors, refusals. On real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import logging
import threading
from typing import TYPE_CHECKING, Any

import flask
import flask_login  # type: ignore[import-untyped]
import pytest
import quart
from flask.sessions import SecureCookieSession, SessionInterface
from flask.views import MethodView
from quart.signals import websocket_finished, websocket_received, websocket_sent, websocket_started
from quart.testing.connections import WebsocketResponseError
from werkzeug.datastructures import Headers
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from .servers import raw_exchange, served, wait_for
from .websocket_client import close_of, drop, open_websocket, refusal

if TYPE_CHECKING:
    from aeros_compat import WebServer

    from .conftest import Lane


@pytest.fixture
def seen() -> list[Any]:
    return []


def _say(app: WebServer, *names: str) -> Any:
    """A view that sends what an expression over both vocabularies gives."""

    @app.websocket("/say")
    async def say() -> None:
        await quart.websocket.send_json({name: eval(name, {"flask": flask, "quart": quart}) for name in names})

    return say


def test_both_vocabularies_share_one_state(app: WebServer) -> None:
    same = [
        "flask.g is quart.g or flask.g._get_current_object() is quart.g._get_current_object()",
        "flask.session['user'] == quart.session['user'] == 'ada'",
        "flask.request.path == quart.websocket.path == '/say'",
        "flask.request.args['a'] == quart.websocket.args['a'] == 'b c'",
        "flask.request.headers['X-One'] == quart.websocket.headers['X-One'] == '1'",
        "flask.request.cookies.keys() == quart.websocket.cookies.keys()",
        "flask.request.endpoint == quart.websocket.endpoint == 'say'",
        "flask.request.remote_addr == quart.websocket.remote_addr == '127.0.0.1'",
        "flask.current_app.core is quart.current_app._get_current_object()",
        "flask.url_for('say') == quart.url_for('say')",
        "flask.has_request_context() and quart.has_websocket_context() and not quart.has_request_context()",
    ]
    _say(app, *same)

    @app.before_websocket
    async def keep() -> None:
        flask.g.kept = quart.g.other = 1

    client = app.test_client()
    with client.session_transaction() as session:
        session["user"] = "ada"
    cookie = client.get_cookie("session")
    assert cookie is not None
    headers = {"Cookie": f"session={cookie.value}", "X-One": "1"}
    with served(app) as url, open_websocket(url, "/say?a=b%20c", additional_headers=headers) as websocket:
        assert flask.json.loads(websocket.recv()) == dict.fromkeys(same, True)


def test_urls_of_a_websocket(app: WebServer) -> None:
    url_for_page = "flask.url_for('page', _external=True)"
    _say(app, "flask.url_for('say')", url_for_page, "quart.websocket.url", "flask.request.url")
    app.add_url_rule("/page", "page", lambda: "page")
    with served(app) as url, open_websocket(url, "/say") as websocket:
        said = flask.json.loads(websocket.recv())
        host = url.removeprefix("http://")
    assert said == {
        "flask.url_for('say')": f"ws://{host}/say",
        url_for_page: f"http://{host}/page",
        "quart.websocket.url": f"ws://{host}/say",
        "flask.request.url": f"http://{host}/say",
    }


def test_text_bytes_and_json_go_both_ways(app: WebServer) -> None:
    @app.websocket("/echo")
    async def echo() -> None:
        while True:
            await quart.websocket.send(await quart.websocket.receive())

    @app.websocket("/json")
    async def json() -> None:
        await quart.websocket.send_json(await quart.websocket.receive_json())

    with served(app) as url:
        with open_websocket(url, "/echo", max_size=None) as websocket:
            for message in ("text", "", "ä" * 70_000, b"\x00\xff", b"", b"x" * 3_000_000):
                websocket.send(message)
                assert websocket.recv() == message
            websocket.send(["in ", "pieces"])
            assert websocket.recv() == "in pieces"
        with open_websocket(url, "/json") as websocket:
            websocket.send('{"a": 1}')
            assert flask.json.loads(websocket.recv()) == {"a": 1}
            assert close_of(websocket) == (1000, "")


def test_blueprints_of_both_frameworks(app: WebServer, seen: list[Any]) -> None:
    flasks = flask.Blueprint("flasks", __name__, url_prefix="/flasks")
    quarts = quart.Blueprint("quarts", __name__, url_prefix="/quarts")

    @flasks.route("/<name>", websocket=True)  # type: ignore[type-var]
    async def of_flasks(name: str) -> None:
        await quart.websocket.send(f"{name} {flask.request.blueprint}")

    @quarts.websocket("/<name>")
    async def of_quarts(name: str) -> None:
        await quart.websocket.send(f"{name} {quart.websocket.blueprint}")

    @quarts.before_websocket
    async def before() -> None:
        seen.append("before")

    @quarts.after_websocket
    def after(response: Any) -> Any:
        seen.append(response)
        return response

    @quarts.teardown_websocket
    def teardown(exc: BaseException | None) -> None:
        seen.append(exc)

    app.register_blueprint(flasks)
    app.register_blueprint(quarts)
    with served(app) as url:
        with open_websocket(url, "/flasks/a") as websocket:
            assert websocket.recv() == "a flasks"
        assert seen == []
        with open_websocket(url, "/quarts/b") as websocket:
            assert websocket.recv() == "b quarts"
            assert close_of(websocket) == (1000, "")
        assert seen == ["before", None, None]


def test_order_of_hooks_and_signals(app: WebServer, seen: list[Any], lane: Lane) -> None:
    for name in ("before_websocket", "after_websocket", "teardown_websocket", "teardown_appcontext"):

        def hook(*args: Any, name: str = name) -> None:
            flask.g.order = [*flask.g.get("order", []), name]
            seen.append(name)

        getattr(app, name)(lane(hook))
    for name in ("before_request", "after_request", "teardown_request"):
        getattr(app, name)(lane(lambda *args, name=name: seen.append(name)))

    @app.url_value_preprocessor
    def preprocess(endpoint: str | None, values: dict[str, Any] | None) -> None:
        assert values is not None
        seen.append((endpoint, values.pop("number")))

    def receiver(name: str) -> Any:
        async def receive(sender: Any, **kwargs: Any) -> None:
            seen.append((name, sender))

        return receive

    started, finished, received, sent = map(receiver, ("started", "finished", "received", "sent"))
    websocket_started.connect(started, sender=app.core)
    websocket_finished.connect(finished, sender=app.core)
    websocket_received.connect(received)
    websocket_sent.connect(sent)

    @app.websocket("/view/<int:number>")
    async def view() -> None:
        assert flask.g.order == ["before_websocket"]
        seen.append("view")
        await quart.websocket.send(await quart.websocket.receive())

    with served(app) as url, open_websocket(url, "/view/3") as websocket:
        websocket.send("x")
        assert websocket.recv() == "x"
        assert close_of(websocket) == (1000, "")
    assert seen == [
        ("started", app.core),
        ("view", 3),
        "before_websocket",
        "view",
        ("received", "x"),
        ("sent", "x"),
        "after_websocket",
        ("finished", app.core),
        "teardown_websocket",
        "teardown_appcontext",
    ]


def test_sync_pieces_share_one_thread_of_the_websockets_own(app: WebServer) -> None:
    local = threading.local()
    leftovers = []

    @app.before_websocket
    def open_resource() -> None:
        assert threading.current_thread().name.startswith("aeros-")
        local.resource = flask.g.number = flask.request.args["n"]

    @app.teardown_appcontext
    def close_resource(exc: BaseException | None) -> None:
        if local.__dict__.pop("resource", None) != flask.g.number:
            leftovers.append(flask.g.number)

    @app.websocket("/view")
    async def view() -> None:
        assert await quart.current_app.sync_to_async(lambda: local.resource)() == flask.request.args["n"]
        await quart.websocket.send(await quart.websocket.receive())

    with served(app) as url, contextlib.ExitStack() as stack:
        websockets = [stack.enter_context(open_websocket(url, f"/view?n={n}")) for n in range(20)]
        for websocket in websockets:
            websocket.send("x")
        for websocket in websockets:
            assert websocket.recv() == "x"
            assert close_of(websocket) == (1000, "")
    assert leftovers == []


def test_contextvars_of_hooks_reach_the_view_and_the_teardown(app: WebServer, lane: Lane, seen: list[Any]) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    @app.before_websocket
    @lane
    def before() -> None:
        variable.set("hook")

    @app.teardown_websocket
    @lane
    def teardown(exc: BaseException | None) -> None:
        seen.append(variable.get())

    @app.websocket("/view")
    async def view() -> None:
        await quart.websocket.send(variable.get())
        variable.set("view")

    with served(app) as url, open_websocket(url, "/view") as websocket:
        assert websocket.recv() == "hook"
        assert close_of(websocket) == (1000, "")
    assert seen == ["view"]


def test_before_websocket_refuses(app: WebServer, lane: Lane) -> None:
    app.before_websocket(lane(lambda: ({"no": "entry"}, 401, {"X-Why": "closed"})))
    _say(app)
    with served(app) as url:
        response = refusal(url, "/say")
        assert (response.status_code, response.headers["X-Why"]) == (401, "closed")
        assert flask.json.loads(bytes(response.body or b"")) == {"no": "entry"}


def test_refusals_of_what_matches_no_websocket(app: WebServer) -> None:
    app.add_url_rule("/page", "page", lambda: "page")
    app.add_url_rule("/branch/", "branch", _say(app), websocket=True)

    @app.errorhandler(404)
    def not_found(error: Exception) -> Any:
        return f"nothing at {flask.request.path}", 404

    with served(app) as url:
        response = refusal(url, "/nothing")
        assert (response.status_code, response.body) == (404, b"nothing at /nothing")
        assert refusal(url, "/page").status_code == 400
        response = raw_exchange(url, b"GET /say HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")  # type: ignore[assignment]
        assert bytes(response).startswith(b"HTTP/1.1 400 ")  # type: ignore[call-overload]


def test_redirect_to_the_branch(app: WebServer) -> None:
    @app.websocket("/branch/")
    async def branch() -> None:
        raise AssertionError("not reached")

    handshake = (
        b"GET /branch?a=1 HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with served(app) as url:
        head = raw_exchange(url, handshake).partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 308 ")
    assert b"location: ws://a.example/branch/?a=1" in head


def test_error_handlers(app: WebServer, lane: Lane) -> None:
    @app.errorhandler(LookupError)
    @lane
    def handle(error: LookupError) -> Any:
        return f"{error} {flask.request.path} {flask.g.kept}", 409

    @app.before_websocket
    async def keep() -> None:
        flask.g.kept = 1

    @app.websocket("/before")
    async def before() -> None:
        raise LookupError("gone")

    @app.websocket("/abort")
    async def abort() -> None:
        await quart.websocket.accept()
        flask.abort(403)

    with served(app) as url:
        response = refusal(url, "/before")
        assert (response.status_code, response.body) == (409, b"gone /before 1")
        with open_websocket(url, "/abort") as websocket:
            assert close_of(websocket) == (1008, "")


def test_unhandled_failures(app: WebServer, caplog: pytest.LogCaptureFixture, seen: list[Any]) -> None:
    app.testing = False

    @app.websocket("/before")
    async def before() -> None:
        raise ValueError("before the handshake")

    @app.websocket("/after")
    async def after() -> None:
        await quart.websocket.send("x")
        raise ValueError("after the handshake")

    app.teardown_appcontext(lambda exc: seen.append(str(exc)))
    with served(app) as url:
        assert refusal(url, "/before").status_code == 500
        with open_websocket(url, "/after") as websocket:
            assert websocket.recv() == "x"
            assert close_of(websocket) == (1011, "")
    assert seen == ["before the handshake", "after the handshake"]
    assert [record.message for record in caplog.records if record.name == app.logger.name] == [
        "Exception on websocket /before",
        "Exception on websocket /after",
    ]


def test_failures_propagate_to_the_server(app: WebServer, capfd: pytest.CaptureFixture[str]) -> None:
    @app.websocket("/after")
    async def after() -> None:
        await quart.websocket.accept()
        raise ValueError("for the server")

    with served(app) as url, open_websocket(url, "/after") as websocket:
        assert close_of(websocket) == (1011, "")
    assert "ValueError: for the server" in capfd.readouterr().err


def test_accept_with_headers_and_subprotocol_and_close(app: WebServer) -> None:
    @app.websocket("/view")
    async def view() -> None:
        assert quart.websocket.requested_subprotocols == ["one", "two"]
        await quart.websocket.accept({"X-Mine": "yes"}, subprotocol="two")
        await quart.websocket.close(4001, "enough")
        with pytest.raises(RuntimeError, match="multiple times"):
            await quart.websocket.close(4002)

    @app.websocket("/closed")
    async def closed() -> None:
        await quart.websocket.close(1000)

    @app.websocket("/nothing")
    async def nothing() -> None:
        pass

    with served(app) as url:
        with open_websocket(url, "/view", subprotocols=["one", "two"]) as websocket:
            assert websocket.subprotocol == "two"
            assert websocket.response is not None
            assert websocket.response.headers["X-Mine"] == "yes"
            assert close_of(websocket) == (4001, "enough")
        assert refusal(url, "/closed").status_code == 403
        assert refusal(url, "/nothing").status_code == 403


def test_a_client_that_leaves_cancels_the_view_and_teardown_runs_once(
    app: WebServer, lane: Lane, seen: list[Any]
) -> None:
    @app.teardown_websocket
    @lane
    def teardown(exc: BaseException | None) -> None:
        seen.append(type(exc))

    app.teardown_appcontext(lane(lambda exc: seen.append(flask.g.path)))

    @app.before_websocket
    async def keep() -> None:
        flask.g.path = flask.request.path

    @app.websocket("/waits")
    async def waits() -> None:
        await quart.websocket.send("x")
        try:
            await asyncio.sleep(3600)
        finally:
            seen.append("cancelled")

    @app.websocket("/tasks")
    async def tasks() -> None:
        await quart.websocket.send("x")
        await asyncio.gather(quart.websocket.receive(), asyncio.sleep(3600))

    with served(app) as url:
        for path in ("/waits", "/tasks"):
            with open_websocket(url, path):
                pass
            with open_websocket(url, path) as websocket:
                websocket.recv()
                drop(websocket)
        wait_for(lambda: len(seen) == 10)
    assert sorted(map(str, seen)) == sorted(
        [*map(str, [asyncio.CancelledError] * 4), "/waits", "/waits", "/tasks", "/tasks", "cancelled", "cancelled"]
    )


def test_the_end_of_a_view_is_not_cut_short(app: WebServer, seen: list[Any]) -> None:
    """A client that leaves while the teardown runs."""
    left = threading.Event()

    @app.teardown_websocket
    async def teardown(exc: BaseException | None) -> None:
        while not left.is_set():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        seen.append("teardown")

    @app.teardown_appcontext
    def second(exc: BaseException | None) -> None:
        seen.append("appcontext")

    @app.websocket("/view")
    async def view() -> None:
        await quart.websocket.send("x")

    with served(app) as url:
        with open_websocket(url, "/view") as websocket:
            websocket.recv()
            drop(websocket)
        left.set()
        wait_for(lambda: len(seen) == 2)
    assert seen == ["teardown", "appcontext"]


def test_sync_decorators_around_an_async_view(app: WebServer) -> None:
    manager = flask_login.LoginManager(app)
    user = flask_login.UserMixin()
    user.id = "ada"
    manager.user_loader(lambda name: user if name == "ada" else None)

    def plain(view: Any) -> Any:
        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            flask.g.thread = threading.current_thread()
            return view(*args, **kwargs)

        return wrapper

    @app.websocket("/login")
    @flask_login.login_required  # type: ignore[untyped-decorator]
    async def login() -> None:
        await quart.websocket.send(f"{flask_login.current_user.id} {await quart.websocket.receive()!s}")

    @app.websocket("/plain")
    @plain
    async def wrapped() -> None:
        assert flask.g.thread is not threading.current_thread()
        await quart.websocket.send(await quart.websocket.receive())

    class Chat(MethodView):
        async def get(self, room: str) -> None:
            await quart.websocket.send(room)

    app.add_websocket("/chat/<room>", view_func=Chat.as_view("chat"))

    @app.get("/in")
    def log_in() -> str:
        flask_login.login_user(user)
        return "in"

    client = app.test_client()
    client.get("/in")
    cookie = client.get_cookie("session")
    assert cookie is not None
    with served(app) as url:
        assert refusal(url, "/login").status_code == 401
        headers = {"Cookie": f"session={cookie.value}"}
        with open_websocket(url, "/login", additional_headers=headers) as websocket:
            websocket.send("x")
            assert websocket.recv() == "ada x"
        with open_websocket(url, "/plain") as websocket:
            websocket.send("x")
            assert websocket.recv() == "x"
        with open_websocket(url, "/chat/one") as websocket:
            assert websocket.recv() == "one"


class ServerSideSession(SecureCookieSession):
    name = ""


class ServerSide(SessionInterface):
    """Sessions kept in a dictionary, by code that must not run on the event loop."""

    session_class = ServerSideSession

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.threads: set[str] = set()

    def open_session(self, app: flask.Flask, request: flask.Request) -> ServerSideSession:
        self.threads.add(threading.current_thread().name)
        session = ServerSideSession(self.kept.get(request.args["user"]))
        session.name = request.args["user"]
        return session

    def save_session(self, app: flask.Flask, session: Any, response: flask.Response) -> None:
        self.threads.add(threading.current_thread().name)
        self.kept[session.name] = dict(session)
        response.set_cookie("sid", "x")


def test_sessions_kept_on_the_server_are_saved(app: WebServer) -> None:
    interface = app.session_interface = ServerSide()

    @app.websocket("/count")
    async def count() -> None:
        flask.session["count"] = quart.session.get("count", 0) + 1
        await quart.websocket.send(str(flask.session["count"]))

    with served(app) as url:
        for expected in ("1", "2"):
            with open_websocket(url, "/count?user=ada") as websocket:
                assert websocket.recv() == expected
                assert close_of(websocket) == (1000, "")
    assert interface.kept == {"ada": {"count": 2}}
    assert all(name.startswith("aeros-") for name in interface.threads)


def test_a_change_of_a_cookie_session_is_lost_and_logged(app: WebServer, caplog: pytest.LogCaptureFixture) -> None:
    @app.websocket("/change")
    async def change() -> None:
        flask.session["a"] = 1
        await quart.websocket.send("x")

    @app.websocket("/refuse")
    async def refuse() -> Any:
        flask.session["a"] = 1
        return "no", 403

    with served(app) as url:
        with caplog.at_level(logging.WARNING), open_websocket(url, "/change") as websocket:
            websocket.recv()
            assert close_of(websocket) == (1000, "")
        assert "change is lost" in caplog.text
        assert "session=" in refusal(url, "/refuse").headers["Set-Cookie"]  # a response carries it


def test_converters_of_the_users_run_on_a_thread_inside_the_contexts(app: WebServer) -> None:
    class Own(IntegerConverter):
        def to_python(self, value: str) -> Any:
            assert flask.current_app.name == app.name
            assert threading.current_thread().name.startswith("aeros-")
            return super().to_python(value) + 1

    app.url_map.converters["own"] = Own

    @app.websocket("/<own:number>")
    async def view(number: int) -> None:
        await quart.websocket.send(str(number))

    with served(app) as url, open_websocket(url, "/3") as websocket:
        assert websocket.recv() == "4"


def test_wsgi_middleware_stands_around_async_views(app: WebServer, seen: list[Any]) -> None:
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        assert threading.current_thread().name.startswith("aeros-")
        seen.append(environ["PATH_INFO"])
        if environ["PATH_INFO"].startswith("/private"):
            start_response("401 UNAUTHORIZED", [("Content-Length", "6"), ("X-By", "middleware")])
            return [b"closed"]
        environ["PATH_INFO"] = environ["PATH_INFO"].replace("/alias", "/echo")
        return inner(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    loops = []

    @app.before_serving
    async def note() -> None:
        loops.append(asyncio.get_running_loop())

    app.before_websocket(lambda: seen.append("before_websocket"))
    app.before_request(lambda: seen.append("before_request"))
    app.teardown_websocket(lambda exc: seen.append(exc))

    @app.websocket("/echo")
    async def echo() -> None:
        assert asyncio.get_running_loop() is loops[0]
        await quart.websocket.send(await quart.websocket.receive())

    with served(app) as url:
        response = refusal(url, "/private/echo")
        assert (response.status_code, response.headers["X-By"], response.body) == (401, "middleware", b"closed")
        assert refusal(url, "/nothing").status_code == 404
        seen.clear()
        with open_websocket(url, "/alias") as websocket:
            websocket.send("x")
            assert websocket.recv() == "x"
            assert close_of(websocket) == (1000, "")
        assert seen == ["/alias", "before_websocket", None]


def test_a_client_that_leaves_a_view_under_wsgi_middleware(app: WebServer, seen: list[Any]) -> None:
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start_response: inner(environ, start_response)  # type: ignore[method-assign]
    app.teardown_websocket(lambda exc: seen.append(type(exc)))

    @app.websocket("/waits")
    async def waits() -> None:
        await quart.websocket.send("x")
        await asyncio.sleep(3600)

    with served(app) as url:
        with open_websocket(url, "/waits") as websocket:
            websocket.recv()
        wait_for(lambda: bool(seen))
    assert seen == [asyncio.CancelledError]


def test_proxy_fix(app: WebServer) -> None:
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]
    _say(app, "quart.websocket.url", "flask.request.remote_addr", "flask.request.url", "flask.url_for('say')")
    headers = {
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "a.example",
        "X-Forwarded-Prefix": "/under",
    }
    with served(app) as url, open_websocket(url, "/say", additional_headers=headers) as websocket:
        assert flask.json.loads(websocket.recv()) == {
            "quart.websocket.url": "wss://a.example/under/say",
            "flask.request.remote_addr": "192.0.2.1",
            "flask.request.url": "https://a.example/under/say",
            "flask.url_for('say')": "wss://a.example/under/say",
        }


def test_hosts_that_are_not_trusted(app: WebServer) -> None:
    app.config["TRUSTED_HOSTS"] = ["a.example"]
    _say(app)
    with served(app) as url:
        assert refusal(url, "/say").status_code == 400


def test_contexts_are_copied_for_other_tasks(app: WebServer, seen: list[Any]) -> None:
    app.teardown_request(lambda exc: seen.append("teardown_request"))
    app.teardown_websocket(lambda exc: seen.append("teardown_websocket"))

    @app.websocket("/view")
    async def view() -> None:
        @quart.copy_current_websocket_context
        async def send(text: str) -> None:
            await quart.websocket.send(f"{text} {flask.request.path}")

        @flask.copy_current_request_context
        def path() -> str:
            return flask.request.path

        await contextvars.Context().run(asyncio.create_task, send("quart"))
        await quart.websocket.send(await asyncio.to_thread(contextvars.Context().run, path))

    with served(app) as url, open_websocket(url, "/view") as websocket:
        assert websocket.recv() == "quart /view"
        assert websocket.recv() == "/view"
        assert close_of(websocket) == (1000, "")
    assert seen == ["teardown_websocket"] * 3


def test_quarts_test_client(app: WebServer) -> None:
    @app.websocket("/echo")
    async def echo() -> None:
        await quart.websocket.accept()
        while True:
            await quart.websocket.send(f"{await quart.websocket.receive()!s} {flask.request.path}")

    @app.websocket("/refuse")
    async def refuse() -> Any:
        return "no", 403

    async def run() -> None:
        client = app.async_test_client()
        async with client.websocket("/echo") as websocket:
            await websocket.send("x")
            assert await websocket.receive() == "x /echo"
        with pytest.raises(WebsocketResponseError) as raised:
            async with client.websocket("/refuse") as websocket:
                await websocket.receive()
        assert raised.value.response.status_code == 403

    asyncio.run(run())


def test_state_of_concurrent_websockets_is_apart(app: WebServer) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    @app.before_websocket
    def before() -> None:
        flask.g.number = flask.session["number"] = flask.request.args["number"]
        variable.set(flask.request.args["number"])

    @app.websocket("/view")
    async def view() -> None:
        while True:
            await quart.websocket.receive()
            await asyncio.sleep(0)
            names = {flask.g.number, quart.session["number"], quart.websocket.args["number"], variable.get()}
            await quart.websocket.send(",".join(names))

    with served(app) as url, contextlib.ExitStack() as stack:
        websockets = {
            str(number): stack.enter_context(open_websocket(url, f"/view?number={number}")) for number in range(50)
        }
        for _ in range(3):
            for websocket in websockets.values():
                websocket.send("x")
            for number, websocket in websockets.items():
                assert websocket.recv() == number


def test_a_websocket_for_a_rule_of_requests_is_refused_before_its_client_has_left(app: WebServer) -> None:
    """Quart's test client leaves at once; the refusal takes no way over a thread on which it could be overtaken."""
    app.add_url_rule("/", view_func=lambda: "", endpoint="index")

    async def scenario() -> int:
        with pytest.raises(WebsocketResponseError) as raised:
            async with app.async_test_client().websocket("/"):
                pass
        return raised.value.response.status_code

    assert asyncio.run(scenario()) == 400


def test_a_websocket_object_made_by_hand_goes_through_quarts_own_cycle(app: WebServer) -> None:
    seen: list[str] = []
    app.before_websocket(lambda: seen.append("before"))

    @app.websocket("/<name>")
    async def view(name: str) -> str:
        seen.append(f"{name} {quart.websocket.path}")
        return "reply"

    async def scenario() -> None:
        scope: Any = {"type": "websocket", "asgi": {}, "subprotocols": [], "headers": [], "path": "/ada"}
        nobody: Any = None
        websocket = app.core.websocket_class(
            "/ada", b"", "ws", Headers(), "", "1.1", [], nobody, nobody, nobody, nobody, scope
        )
        response: Any = await app.core.handle_websocket(websocket)
        assert await response.get_data(as_text=True) == "reply"

    asyncio.run(scenario())
    assert seen == ["before", "ada /ada"]
