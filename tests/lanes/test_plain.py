"""What the short way to a response leaves out, nobody misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
import pytest

from aeros_compat import WebServer

if TYPE_CHECKING:
    from ..conftest import Lane


def application(kind: type[flask.Flask], view: Any, *, hook: bool, session: bool) -> flask.Flask:
    app = kind("tests.plain")
    app.secret_key = "only for tests"

    if hook:

        @app.after_request
        def after(response: flask.Response) -> flask.Response:
            response.headers["X-Seen"] = f"{response.content_type} {response.content_length} {response.get_data()!r}"
            return response

    if session:

        @app.before_request
        def before() -> None:
            flask.session["visits"] = 1

    app.add_url_rule("/", "view", view)
    return app


@pytest.mark.parametrize("session", [False, True], ids=["", "session"])
@pytest.mark.parametrize("hook", [False, True], ids=["", "hook"])
@pytest.mark.parametrize("rv", ["Grüße", "", b"bytes", b"", {"b": 1, "a": "ä"}, [1]], ids=repr)
def test_headers_and_body_are_flasks(lane: Lane, rv: Any, hook: bool, session: bool) -> None:
    theirs = application(flask.Flask, lambda: rv, hook=hook, session=session).test_client().get("/")
    mine = application(WebServer, lane(lambda: rv), hook=hook, session=session).test_client().get("/")
    assert mine.get_data() == theirs.get_data()
    assert sorted(mine.headers.keys()) == sorted(theirs.headers.keys())
    for name in ("Content-Type", "Content-Length", "X-Seen", "Vary"):
        assert mine.headers.get(name) == theirs.headers.get(name)


def test_text_that_cannot_be_encoded_fails_as_under_flask(lane: Lane) -> None:
    plain = application(flask.Flask, lambda: "\ud800", hook=True, session=True).test_client().get("/")
    mine = application(WebServer, lane(lambda: "\ud800"), hook=True, session=True).test_client().get("/")
    assert (mine.status, mine.get_data()) == (plain.status, plain.get_data())


@pytest.mark.parametrize("hook", [False, True])
def test_another_default_of_flasks_own_class(lane: Lane, monkeypatch: pytest.MonkeyPatch, hook: bool) -> None:
    monkeypatch.setattr(flask.Response, "default_mimetype", "text/markdown")
    app = application(WebServer, lane(lambda: "# Title"), hook=hook, session=False)
    assert app.test_client().get("/").content_type == "text/markdown; charset=utf-8"
