"""What a hook changes of the application holds for the request in which it does, as under Flask.

Applications do so in place of ``before_first_request``, which Flask has no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from aeros_compat import WebServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conftest import Lane


class SaysSo(SecureCookieSessionInterface):
    def save_session(self, app: Flask, session: Any, response: flask.Response) -> None:
        response.headers["X-Session"] = "saved"


class Markdown(flask.Response):
    default_mimetype = "text/markdown"


def _guard_views(app: Flask, log: list[str]) -> None:
    app.view_functions["view"] = lambda: ("not for you", 403)


def _add_before(app: Flask, log: list[str]) -> None:
    app.before_request_funcs[None].append(lambda: ("not for you", 403))


def _add_silent_before(app: Flask, log: list[str]) -> None:
    app.before_request_funcs[None].append(lambda: log.append("before"))


def _add_after(app: Flask, log: list[str]) -> None:
    def after(response: flask.Response) -> flask.Response:
        response.headers["X-After"] = "called"
        return response

    app.after_request_funcs.setdefault(None, []).append(after)


def _add_teardown(app: Flask, log: list[str]) -> None:
    app.teardown_request_funcs.setdefault(None, []).append(lambda error: log.append("teardown"))
    app.teardown_appcontext_funcs.append(lambda error: log.append("context"))


def _set_session_interface(app: Flask, log: list[str]) -> None:
    app.session_interface = SaysSo()


def _set_response_class(app: Flask, log: list[str]) -> None:
    app.response_class = Markdown


def _set_make_response(app: Flask, log: list[str]) -> None:
    app.make_response = lambda rv: Markdown("made")  # type: ignore[method-assign]


def _set_process_response(app: Flask, log: list[str]) -> None:
    app.process_response = lambda response: Markdown("processed")  # type: ignore[method-assign]


def _set_dispatch_request(app: Flask, log: list[str]) -> None:
    app.dispatch_request = lambda: "dispatched"  # type: ignore[method-assign]


def answers(cls: type[Flask], lane: Lane, hook_lane: Lane, change: Callable[[Flask, list[str]], None]) -> Any:
    app = cls("tests.changes")
    app.secret_key = "only for tests"
    log: list[str] = []
    seen: list[Any] = []

    def once() -> None:
        if not seen:
            change(app, log)

    app.before_request(hook_lane(once))
    app.add_url_rule("/", "view", lane(lambda: "view"))
    client = app.test_client()
    for _ in range(2):
        response = client.get("/")
        headers = {name: value for name, value in response.headers if name != "Vary"}
        seen.append((response.status, headers, response.data))
    return seen, log


@pytest.mark.parametrize("hooks", ["sync hooks", "async hooks"])
@pytest.mark.parametrize(
    "change",
    [
        _guard_views,
        _add_before,
        _add_silent_before,
        _add_after,
        _add_teardown,
        _set_session_interface,
        _set_response_class,
        _set_make_response,
        _set_process_response,
        _set_dispatch_request,
    ],
)
def test_as_in_flask(lane: Lane, hooks: str, change: Callable[[Flask, list[str]], None]) -> None:
    def in_lane(func: Any) -> Any:
        async def hook() -> Any:
            return func()

        return func if hooks == "sync hooks" else hook

    expected = answers(Flask, lane, in_lane, change)
    assert answers(WebServer, lane, in_lane, change) == expected
    assert expected[0][0] == expected[0][1]  # the first request already
