"""Requests that a hook sends elsewhere than to the view that was matched: what ``dispatch_request`` looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
import pytest
from flask import Flask, g, request
from flask.globals import request_ctx
from werkzeug.exceptions import Gone

from aeros_compat import WebServer

if TYPE_CHECKING:
    from ..conftest import Lane


def build(cls: type[Flask], lane: Lane, hook_lane: Lane) -> Flask:
    app = cls("tests.rerouting")
    blueprint = flask.Blueprint("shelf", __name__)

    def rule_of(endpoint: str) -> Any:
        return next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)

    def reroute() -> None:
        g.seen = []
        match request.args.get("change"):
            case "arguments":
                request.view_args = {"name": "changed"}
            case "rule":
                request.url_rule = rule_of("shelf.other")
            case "error":
                request.routing_exception = Gone("It was here.")
            case "match":
                request_ctx.url_adapter = app.url_map.bind("localhost", path_info="/other/matched")
                request_ctx.match_request()
            case "match nothing":
                request_ctx.url_adapter = app.url_map.bind("localhost", path_info="/nowhere")
                request_ctx.match_request()
            case "match again":
                request.url_rule = None
                request_ctx.match_request()
            case "request":
                request_ctx.request = app.request_class({**request.environ, "HTTP_X_NAME": "another"})
                request_ctx.match_request()
            case "no error":
                request.routing_exception = None
                request.url_rule, request.view_args = rule_of("shelf.other"), {"name": "saved"}

    def after(response: flask.Response) -> flask.Response:
        g.seen.append("after shelf")
        return response

    def after_all(response: flask.Response) -> flask.Response:
        response.headers["X-Seen"] = ", ".join([*g.seen, str(request.endpoint)])
        return response

    def teardown(error: BaseException | None) -> None:
        app.extensions["torn down"] = f"shelf {error!r}"

    app.before_request(hook_lane(reroute))
    app.after_request(hook_lane(after_all))
    blueprint.after_request(hook_lane(after))
    blueprint.teardown_request(hook_lane(teardown))
    app.register_error_handler(404, lane(lambda error: ("nowhere", 404)))
    app.add_url_rule(
        "/hello/<name>",
        "hello",
        lane(lambda name: f"hello {name} {request.headers.get('X-Name')}"),
        methods=["GET", "POST"],
    )
    app.add_url_rule("/slash/", "slash", lane(lambda: "slash"))
    blueprint.add_url_rule("/other/<name>", "other", lane(lambda name: f"other {name}"))
    app.register_blueprint(blueprint)
    return app


def answer(app: Flask, path: str, method: str) -> tuple[Any, ...]:
    response = app.test_client().open(path, method=method)
    headers = {name: value for name, value in response.headers if name != "Date"}
    return response.status, headers, response.data, app.extensions.get("torn down")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/hello/a", "GET", 200),
        ("/hello/a?change=arguments", "GET", 200),
        ("/hello/a?change=rule", "GET", 200),
        ("/hello/a?change=error", "GET", 410),
        ("/hello/a?change=match", "GET", 200),
        ("/hello/a?change=match nothing", "GET", 404),
        ("/hello/a?change=match again", "GET", 200),
        ("/hello/a?change=request", "GET", 200),
        ("/other/a?change=error", "GET", 410),
        ("/hello/a?change=rule", "OPTIONS", 200),
        ("/nothing", "GET", 404),
        ("/nothing", "HEAD", 404),
        ("/nothing?change=no error", "GET", 200),
        ("/nothing?change=error", "GET", 410),
        ("/nothing?change=match", "GET", 404),
        ("/nothing?change=match again", "GET", 404),
        ("/nothing?change=request", "GET", 404),
        ("/hello/a", "DELETE", 405),
        ("/hello/a?change=no error", "DELETE", 200),
        ("/slash", "GET", 308),
        ("/slash?change=no error", "GET", 200),
    ],
)
@pytest.mark.parametrize("hooks", ["sync hooks", "async hooks"])
def test_as_in_flask(
    lane: Lane, request: pytest.FixtureRequest, hooks: str, path: str, method: str, status: int
) -> None:
    hook_lane = _sync if hooks == "sync hooks" else _async
    found = answer(build(WebServer, lane, hook_lane), path, method)
    assert found == answer(build(Flask, lane, hook_lane), path, method)
    assert found[0].startswith(str(status))


def _sync(func: Any) -> Any:
    return func


def _async(func: Any) -> Any:
    async def converted(*args: Any) -> Any:
        return func(*args)

    return converted


def test_a_view_that_changes_its_request_is_called_once(lane: Lane) -> None:
    app = WebServer("tests.rerouting")
    app.testing = True
    calls = []

    def view() -> str:
        calls.append(request.path)
        request.routing_exception = Gone()
        return "called"

    app.before_request(_async(lambda: None))
    app.add_url_rule("/", "view", lane(view))
    assert app.test_client().get("/").data == b"called"
    assert calls == ["/"]
