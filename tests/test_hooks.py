"""Hooks, handlers, processors and signals, in both lanes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import flask
import pytest
import quart
from flask import Blueprint, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from aeros_compat import WebServer

    from .conftest import Lane, View

EXPECTED_ORDER = [
    "preprocess app",
    "preprocess outer",
    "preprocess inner",
    "before app",
    "before outer",
    "before inner",
    "view",
    "after this",
    "after inner 2",
    "after inner",
    "after outer",
    "after app",
    "teardown inner None",
    "teardown outer None",
    "teardown app None",
    "teardown context 2 None",
    "teardown context None",
]


@pytest.fixture(params=["sync", "async", "mixed"])
def hook(request: pytest.FixtureRequest) -> Lane:
    """Turns a sync function into a hook: as it is, as ``async def``, or every second one of them."""
    kind, count = request.param, [0]

    def make(func: View) -> View:
        count[0] += 1
        if kind == "sync" or (kind == "mixed" and count[0] % 2):
            return func

        async def converted(*args: Any) -> Any:
            await asyncio.sleep(0)
            return func(*args)

        return converted

    return make


def test_order_of_everything(app: WebServer, lane: Lane, hook: Lane) -> None:
    """The order is Flask's, whatever of it is sync and whatever async."""
    calls: list[str] = []

    def note(text: str, pass_on: bool = False) -> Callable[..., Any]:
        def noting(value: Any = None, *_: Any) -> Any:
            calls.append(text + (f" {value}" if text.startswith("teardown") else ""))
            return value if pass_on else None

        return noting

    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    for name, scaffold in (("app", app), ("outer", outer), ("inner", inner)):
        scaffold.url_value_preprocessor(note(f"preprocess {name}"))
        scaffold.before_request(hook(note(f"before {name}")))
        scaffold.after_request(hook(note(f"after {name}", pass_on=True)))
        scaffold.teardown_request(hook(note(f"teardown {name}")))
    inner.after_request(hook(note("after inner 2", pass_on=True)))
    app.teardown_appcontext(hook(note("teardown context")))
    app.teardown_appcontext(hook(note("teardown context 2")))

    @inner.route("/")
    @lane
    def view() -> str:
        calls.append("view")
        flask.after_this_request(hook(note("after this", pass_on=True)))
        return "ok"

    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    assert app.test_client().get("/").text == "ok"
    assert calls == EXPECTED_ORDER


def test_before_request_can_answer(app: WebServer, lane: Lane, hook: Lane) -> None:
    app.before_request(hook(lambda: ("stopped", 403)))
    app.add_url_rule("/", view_func=lane(lambda: pytest.fail("the view ran")), endpoint="view")
    response = app.test_client().get("/")
    assert (response.status_code, response.text) == (403, "stopped")


def test_after_request_gets_a_response_of_flask(app: WebServer, lane: Lane, hook: Lane) -> None:
    def add(response: Response) -> Response:
        assert isinstance(response, app.response_class)
        response.set_cookie("seen", "1")
        response.call_on_close(lambda: closed.append(True))
        return response

    closed: list[bool] = []
    app.after_request(hook(add))
    app.add_url_rule("/", view_func=lane(lambda: "ok"), endpoint="view")
    response = app.test_client().get("/")
    assert "seen=1" in response.headers["Set-Cookie"]
    assert closed == [True]


def test_error_handlers_by_code_and_class(app: WebServer, lane: Lane, hook: Lane) -> None:
    class Broken(Exception):
        pass

    app.register_error_handler(404, hook(lambda error: (f"handled {error.code}", 404)))
    app.register_error_handler(Broken, hook(lambda error: (f"broken {error}", 400)))

    @app.route("/abort/<int:code>")
    @lane
    def abort(code: int) -> str:
        flask.abort(code)

    @app.route("/broken")
    @lane
    def broken() -> str:
        raise Broken("glass")

    client = app.test_client()
    assert client.get("/nowhere").text == "handled 404"
    assert client.get("/abort/404").text == "handled 404"
    assert client.get("/broken").text == "broken glass"
    assert client.get("/abort/410").status_code == 410


def test_unhandled_exception(app: WebServer, lane: Lane, hook: Lane) -> None:
    seen: list[str] = []
    app.testing = False
    app.register_error_handler(500, hook(lambda error: (f"sorry: {error.original_exception}", 500)))
    app.teardown_request(hook(lambda error: seen.append(repr(error))))
    app.after_request(hook(lambda response: response))

    @app.route("/")
    @lane
    def view() -> str:
        raise ValueError("oops")

    response = app.test_client().get("/")
    assert (response.status_code, response.text) == (500, "sorry: oops")
    assert seen == ["ValueError('oops')"]


def test_exception_reaches_the_test_client(app: WebServer, lane: Lane, hook: Lane) -> None:
    app.before_request(hook(lambda: None))

    @app.route("/")
    @lane
    def view() -> str:
        raise ValueError("oops")

    with pytest.raises(ValueError, match="oops") as caught:
        app.test_client().get("/")
    assert any(entry.name == "view" for entry in caught.traceback)


def test_exception_in_a_hook(app: WebServer, lane: Lane, hook: Lane) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("hook")

    torn_down: list[str] = []
    app.testing = False
    app.teardown_request(hook(lambda error: torn_down.append(repr(error))))
    app.add_url_rule("/", view_func=lane(lambda: "ok"), endpoint="view")
    app.after_request(hook(fail))
    assert app.test_client().get("/").status_code == 500
    assert torn_down == ["ValueError('hook')"]


def test_after_request_that_returns_none_is_a_type_error(app: WebServer, lane: Lane, hook: Lane) -> None:
    app.after_request(hook(lambda response: None))
    app.add_url_rule("/", view_func=lane(lambda: "ok"), endpoint="view")
    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        app.test_client().get("/")


def test_base_exception_tears_down(app: WebServer, lane: Lane, hook: Lane) -> None:
    class Stop(BaseException):
        pass

    seen: list[object] = []
    app.teardown_request(hook(lambda error: seen.append(type(error))))

    @app.route("/")
    @lane
    def view() -> str:
        raise Stop

    with pytest.raises(Stop):
        app.test_client().get("/")
    assert seen == [Stop]


def test_url_defaults_and_values(app: WebServer, lane: Lane) -> None:
    @app.url_value_preprocessor
    def pull(endpoint: str | None, values: dict[str, Any] | None) -> None:
        flask.g.lang = (values or {}).pop("lang")

    @app.url_defaults
    def push(endpoint: str, values: dict[str, Any]) -> None:
        values.setdefault("lang", flask.g.lang)

    @app.route("/<lang>/page")
    @lane
    def page() -> str:
        return f"{flask.url_for('page')} {flask.g.lang}"

    assert app.test_client().get("/de/page").text == "/de/page de"


def test_templates(app: WebServer, lane: Lane, hook: Lane) -> None:
    app.context_processor(lambda: {"site": "ours"})
    app.template_filter("loud")(lambda text: text.upper())
    app.template_test("odd_length")(lambda text: len(text) % 2 == 1)
    app.template_global("twice")(lambda text: text * 2)
    source = "{{ site }} {{ name|loud }} {{ twice('a') }} {{ 'abc' is odd_length }} {{ request.path }} {{ g.x }}"

    @app.route("/page")
    @lane
    def page() -> str:
        flask.g.x = 1
        return flask.render_template_string(source, name="ada")

    assert app.test_client().get("/page").text == "ours ADA aa True /page 1"


def test_signals_fire_in_both_lanes(app: WebServer, lane: Lane) -> None:
    fired: list[str] = []
    names = ["request_started", "request_finished", "request_tearing_down", "appcontext_pushed", "appcontext_popped"]

    def receiver(name: str) -> Callable[..., None]:
        return lambda sender, **_: fired.append(name) if sender is app else None

    receivers = {name: receiver(name) for name in names}

    @app.route("/")
    @lane
    def view() -> str:
        fired.append("view")
        return "ok"

    for name, func in receivers.items():
        getattr(flask, name).connect(func)
    try:
        app.test_client().get("/")
    finally:
        for name, func in receivers.items():
            getattr(flask, name).disconnect(func)
    assert fired == [
        "appcontext_pushed",
        "request_started",
        "view",
        "request_finished",
        "request_tearing_down",
        "appcontext_popped",
    ]


@pytest.mark.parametrize("package", [flask, quart])
def test_template_signals_of_flask_fire_for_both_renderers(app: WebServer, package: Any) -> None:
    """What test suites use to look at the templates that were rendered."""
    rendered: list[tuple[str | None, object]] = []

    @app.route("/")
    async def view() -> str:
        page = package.render_template_string("{{ x }}", x=1)
        return str(await page if package is quart else page)

    def note(sender: Any, template: Any, context: dict[str, Any], **_: Any) -> None:
        rendered.append((template.name, context["x"]))

    with flask.template_rendered.connected_to(note, app), flask.before_render_template.connected_to(note, app):
        assert app.test_client().get("/").text == "1"
    assert rendered == [(None, 1), (None, 1)]


def test_async_signal_receivers(app: WebServer, lane: Lane) -> None:
    fired: list[str] = []

    async def receive(sender: Any, **_: Any) -> None:
        await asyncio.sleep(0)
        fired.append("async")

    app.add_url_rule("/", view_func=lane(lambda: "ok"), endpoint="view")
    with flask.request_started.connected_to(receive, app):
        app.test_client().get("/")
    assert fired == ["async"]


def test_signals_of_quart_fire_too(app: WebServer, lane: Lane) -> None:
    fired: list[str] = []

    async def started(sender: Any, **_: Any) -> None:
        assert sender == app.core
        await asyncio.sleep(0)
        fired.append("started")

    def finished(sender: Any, response: Any, **_: Any) -> None:
        fired.append(f"finished {response.status_code}")

    app.add_url_rule("/", view_func=lane(lambda: "ok"), endpoint="view")
    with quart.request_started.connected_to(started, app.core), quart.request_finished.connected_to(finished, app.core):
        app.test_client().get("/")
    app.test_client().get("/")
    assert fired == ["started", "finished 200"]
    # Nothing is left behind that would cost later requests a thread.
    assert not flask.request_started.has_receivers_for(app)
