"""Sync decorators around async views: they work, and debug mode says what they cost."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from typing import TYPE_CHECKING, Any

import flask
import pytest

from .servers import served

if TYPE_CHECKING:
    from collections.abc import Callable

    from aeros_compat import WebServer


def login_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """As applications write it."""

    @functools.wraps(view)
    def check(*args: Any, **kwargs: Any) -> Any:
        if "user" not in flask.request.args:
            flask.abort(401)
        return view(*args, **kwargs)

    return check


def login_required_of_an_extension(view: Callable[..., Any]) -> Callable[..., Any]:
    """As Flask-Login writes it."""

    @functools.wraps(view)
    def check(*args: Any, **kwargs: Any) -> Any:
        if "user" not in flask.request.args:
            flask.abort(401)
        return flask.current_app.ensure_sync(view)(*args, **kwargs)

    return check


def without_wraps(view: Callable[..., Any]) -> Callable[..., Any]:
    def check(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return check


@pytest.mark.parametrize("decorator", [login_required, login_required_of_an_extension, without_wraps])
def test_result_is_awaited_on_the_serving_loop(app: WebServer, decorator: Any) -> None:
    loops: list[Any] = []

    @app.before_serving
    async def start() -> None:
        loops.append(asyncio.get_running_loop())

    async def view() -> str:
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() is loops[0]
        return flask.request.args["user"] + threading.current_thread().name

    app.add_url_rule("/", view_func=decorator(view), endpoint="view")
    with served(app) as url:
        import httpx

        assert httpx.get(f"{url}/?user=ada").text == "adatest-uvicorn"
        if decorator is not without_wraps:
            assert httpx.get(url).status_code == 401


def test_hook_behind_a_sync_decorator(app: WebServer) -> None:
    calls: list[str] = []

    @app.before_request
    @login_required
    async def first() -> None:
        await asyncio.sleep(0)
        calls.append("first")

    @app.before_request
    def second() -> None:
        calls.append("second")

    app.add_url_rule("/", view_func=lambda: "ok", endpoint="view")
    assert app.test_client().get("/?user=1").text == "ok"
    assert calls == ["first", "second"]


def test_debug_mode_names_the_decorator_once(app: WebServer, caplog: pytest.LogCaptureFixture) -> None:
    app.debug = True
    caplog.set_level(logging.INFO)

    @app.route("/")
    @login_required
    async def guarded() -> str:
        return "ok"

    @app.route("/free")
    async def free() -> str:
        return "ok"

    client = app.test_client()
    for _ in range(2):
        client.get("/?user=1")
        client.get("/free")
    lines = [record.message for record in caplog.records if "decorator" in record.message]
    assert lines == [
        "The async view 'guarded' is called from a worker thread, because 'tests.test_decorators.login_required' is a"
        " sync decorator: each request costs a thread while the view waits. An 'async def' wrapper would keep it on the"
        " event loop."
    ]
