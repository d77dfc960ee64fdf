"""The other rules, each with what it finds and what it leaves alone."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click
import httpx
import pytest

from aeros_compat import WebServer
from aeros_compat.doctor.diagnosis import diagnose
from aeros_compat.doctor.routes import routes_of
from aeros_compat.doctor.rules import (
    config,
    decorators,
    enclosing,
    extensions,
    hops,
    loops,
    patched,
    thread_locals,
    websocket_guards,
)
from aeros_compat.doctor.text import text_of

from ..servers import served
from .conftest import findings

if TYPE_CHECKING:
    from .conftest import Write

LOCAL = """
state = threading.local()

def current():
    return state.user

@app.get("/")
{kind}def view():
    return current()
"""


@pytest.mark.parametrize(("kind", "severity"), [("async ", "error"), ("", "info")], ids=["async", "sync"])
def test_thread_locals(write: Write, kind: str, severity: str) -> None:
    (found,) = findings(write(LOCAL.format(kind=kind)), thread_locals.find)
    assert (found.severity, found.concerns) == (severity, ("view",) if kind else ())


SESSIONS = """
Scoped = scoped_session(sessionmaker(sqlalchemy.create_engine("sqlite://")){scope})

@app.get("/")
async def view():
    Scoped.remove()
"""


@pytest.mark.parametrize(("scope", "number"), [("", 1), (", scopefunc=lambda: id(g._get_current_object())", 0)])
def test_sessions_that_are_kept_by_thread(write: Write, scope: str, number: int) -> None:
    assert len(findings(write(SESSIONS.format(scope=scope)), thread_locals.find)) == number


DECORATED = """
def audited(view):
    @functools.wraps(view)
    {wrapper}def wrapper(*args, **kwargs):
        return {wait}view(*args, **kwargs)
    return wrapper

@app.get("/function")
@audited
async def function():
    return ""

class Item(MethodView):
    decorators = [audited]

    async def get(self):
        return ""

    def post(self):
        return ""

app.add_url_rule("/item", view_func=Item.as_view("item"))
"""


def test_sync_decorators_are_named_with_their_place(write: Write) -> None:
    application = write(DECORATED.format(wrapper="", wait=""))
    (found,) = findings(application, decorators.find)
    assert found.concerns == ("function", "item")
    assert "audited is a sync decorator" in found.message
    assert found.place is not None
    lanes = {(route.endpoint, *route.methods): route for route in diagnose(application).routes}
    assert lanes["function", "GET"].lane == lanes["item", "GET"].lane == "async on a thread"
    assert lanes["item", "POST"].lane == "sync"
    assert lanes["function", "GET"].decorators[0].place == found.place


def test_async_decorators_are_none(write: Write) -> None:
    application = write(DECORATED.format(wrapper="async ", wait="await "))
    assert findings(application, decorators.find) == []
    assert {route.lane for route in diagnose(application).routes if route.endpoint == "function"} == {"async"}


WRAPPED = """
class Middleware:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        return self.app(environ, start_response)

from werkzeug.middleware.proxy_fix import ProxyFix
app.wsgi_app = {wrapped}

@app.get("/")
{kind}def view():
    return ""
"""


@pytest.mark.parametrize(
    ("wrapped", "kind", "severities", "names"),
    [
        ("Middleware(app.wsgi_app)", "async ", ["warning"], ["Middleware"]),
        ("Middleware(app.wsgi_app)", "", ["info"], ["Middleware"]),
        ("ProxyFix(Middleware(app.wsgi_app))", "async ", ["warning"], ["ProxyFix", "Middleware"]),
        ("ProxyFix(app.wsgi_app)", "async ", [], ["ProxyFix"]),
    ],
)
def test_wsgi_middleware(write: Write, wrapped: str, kind: str, severities: list[str], names: list[str]) -> None:
    application = write(WRAPPED.format(wrapped=wrapped, kind=kind))
    assert [finding.severity for finding in findings(application, enclosing.find)] == severities
    layers = diagnose(application).layers
    assert [layer.name.rpartition(".")[2] for layer in layers] == names
    assert all(("recognised" in layer.effect) == (severities == []) for layer in layers)


GUARDED = """
@app.before_request
def check():
    return flask.abort(401)

{guard}

@app.websocket("/ws")
async def ws():
    pass
"""


def test_guards_that_do_not_stand_before_async_websockets(write: Write) -> None:
    (found,) = findings(write(GUARDED.format(guard="")), websocket_guards.find)
    assert (found.severity, found.concerns) == ("error", ("/ws",))
    assert "check does not run" in found.message


def test_guards_of_both_kinds(write: Write) -> None:
    assert findings(write(GUARDED.format(guard="app.before_websocket(check)")), websocket_guards.find) == []


def test_guards_of_sync_websockets_run(write: Write) -> None:
    source = GUARDED.format(guard="").replace("async def ws", "def ws")
    assert findings(write(source), websocket_guards.find) == []


def test_what_belongs_to_a_loop_at_import(write: Write) -> None:
    source = """
    loop = asyncio.new_event_loop()
    loop.close()
    client = httpx.AsyncClient()
    lock = asyncio.Lock()
    sync_client = httpx.Client()
    """
    found = findings(write(source), loops.find)
    assert [(finding.rule, finding.severity) for finding in found] == [
        ("loop-at-import", "error"),
        ("client-at-import", "warning"),
    ]


def test_settings(write: Write) -> None:
    source = """
    app.config.update(MAX_CONTENT_LENGTH=1000, BODY_TIMEOUT=5, SERVER_NAME="shop.example", PROPAGATE_EXCEPTIONS=True)
    """
    found = findings(write(source), config.find)
    assert {finding.message.split(" ")[0] for finding in found} == {
        "MAX_CONTENT_LENGTH",
        "BODY_TIMEOUT",
        "SERVER_NAME",
        "PROPAGATE_EXCEPTIONS",
    }
    assert findings(write(""), config.find) == []


def test_threads_that_are_patched(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    application = write("")
    assert findings(application, patched.find) == []

    class Monkey:
        @staticmethod
        def is_module_patched(name: str) -> bool:
            return True

    monkeypatch.setitem(sys.modules, "gevent.monkey", Monkey)  # what is really patched cannot be taken back
    (found,) = findings(application, patched.find)
    assert (found.rule, found.severity) == ("patched-threads", "error")


def test_the_text_is_coloured_and_complete(write: Write) -> None:
    application = write(GUARDED.format(guard=""))
    text = text_of(diagnose(application))
    assert "\x1b[31merror\x1b[0m" in text
    plain = click.unstyle(text)
    for title in ("Routes", "Hooks", "Session", "Findings"):
        assert f"\n\n{title}\n  " in plain
    assert "/ws" in plain
    assert "websocket, async" in plain
    assert re.search(r"\n  \d+ errors?, \d+ warnings?, \d+ info$", plain)


def test_extensions(write: Write) -> None:
    source = """
    import flask_login, flask_sock
    flask_login.LoginManager(app)
    flask_sock.Sock(app)
    """
    application = write(source)
    by_name = {extension.name: extension for extension in diagnose(application).extensions}
    assert by_name["Flask-Login"].is_tested
    assert by_name["Flask-Login"].lanes == ("sync", "async", "async-hooks")
    assert "Flask" not in by_name
    untested = {finding.message.split(" ")[3] for finding in findings(application, extensions.find)}
    assert untested == {name for name, extension in by_name.items() if not extension.is_tested}


HOOKED = """
app.start_watching()

@app.before_request
async def first():
    pass

{hooks}

@app.get("/")
async def view():
    return ""
"""

HOOKS = {
    "": 0,
    "app.before_request(lambda: None)": 1,
    "app.after_request(lambda response: response)": 1,
    "app.teardown_appcontext(lambda error: None)": 1,
    "app.before_request(lambda: None)\napp.teardown_request(lambda error: None)": 2,
    "app.url_value_preprocessor(lambda endpoint, values: None)": 1,
    "flask.request_started.connect(print, app)": 1,
    "class Sessions(flask.sessions.SecureCookieSessionInterface):\n"
    "    def open_session(self, app, request):\n        return super().open_session(app, request)\n"
    "app.session_interface = Sessions()": 2,
}


@pytest.mark.parametrize("hooks", HOOKS)
def test_hops_are_those_that_a_request_takes(write: Write, hooks: str) -> None:
    application = write(HOOKED.format(hooks=hooks))
    (route,) = [route for route in diagnose(application).routes if route.endpoint == "view"]
    found = findings(application, hops.find)
    assert route.hops == HOOKS[hooks]
    assert bool(found) == bool(route.hops)
    with served(application.app) as url:
        httpx.get(url, trust_env=False).raise_for_status()
    (counted,) = [route for route in application.app.lane_stats().routes if route.endpoint == "view"]
    assert counted.hops == route.hops


def test_the_pages_of_the_watch_are_no_routes_of_the_application() -> None:
    app = WebServer("tests.doctor", watch="/ops/lanes", static_folder=None)
    app.add_url_rule("/", "index", lambda: "Hello")
    assert [route.rule for route in routes_of(app)] == ["/"]
