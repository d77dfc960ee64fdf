"""Global headers and the server header."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest

from aeros_compat import AdvancedThread, WebServer

from ..asgi import ask
from ..servers import free_port, is_listening, served, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..conftest import Lane


@contextmanager
def running(app: WebServer) -> Iterator[str]:
    """``app`` as its own ``run()`` serves it; gives its base URL."""
    port = free_port()
    thread = AdvancedThread(target=app.run, kwargs={"port": port, "log_level": "warning"})
    thread.start()
    try:
        wait_for(lambda: is_listening(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        thread.stop(timeout=20)
        assert not thread.is_alive()


def test_view_wins(lane: Lane) -> None:
    app = WebServer(__name__, global_headers={"X-Frame-Options": "DENY", "foo": "bar"})

    def view() -> Any:
        return "ok", {"x-frame-options": "SAMEORIGIN"}

    app.add_url_rule("/", view_func=lane(view), endpoint="view")
    answer = app.test_client().get("/")
    assert answer.headers.getlist("X-Frame-Options") == ["SAMEORIGIN"]
    assert answer.headers["foo"] == "bar"


def test_settings_are_copied() -> None:
    settings = {"A": "1"}
    app = WebServer(__name__, global_headers=settings)
    settings["B"] = "2"
    headers = app.test_client().get("/").headers
    assert headers["A"] == "1"
    assert "B" not in headers
    assert "A" not in WebServer(__name__).test_client().get("/").headers


def test_start_message_of_a_mounted_application_stays_as_it_is() -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [(b"X-Own", b"1")]}

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": b""})

    app = WebServer(__name__, global_headers={"x-own": "2", "foo": "bar"})
    app.mount("/m", mounted)
    for _ in range(2):
        sent = asyncio.run(ask(app, "/m"))
        assert sent[0]["headers"] == [(b"X-Own", b"1"), (b"foo", b"bar")]
    assert start["headers"] == [(b"X-Own", b"1")]


@pytest.mark.parametrize(
    ("headers", "error", "sentence"),
    [
        ({"A": "1\r\nSet-Cookie: x=1"}, ValueError, "'A' has a line break"),
        ({"A": "1\0"}, ValueError, "control character"),
        ({"A B": "1"}, ValueError, "'A B' cannot be the name of a header"),
        ({"": "1"}, ValueError, "cannot be the name of a header"),
        ({"A": "\u20ac"}, ValueError, "outside latin-1"),
        ({"A": 1}, TypeError, "names and values of headers are strings"),
        ({"Content-Length": "3"}, ValueError, "'content-length' is different for every response"),
        ({"A": "1", "a": "2"}, ValueError, "twice"),
        ([("A", "1")], TypeError, "global_headers is a dictionary"),
    ],
)
def test_wrong_headers_fail_at_construction(headers: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        WebServer(__name__, global_headers=headers)


def test_server_header_is_taken_off(lane: Lane) -> None:
    def view() -> Any:
        return "ok", {"Server": "old proxy"}

    for include in (True, False):
        app = WebServer(__name__, include_server_header=include)
        app.add_url_rule("/", view_func=lane(view), endpoint="view")
        assert app.test_client().get("/").headers.get("Server") == ("old proxy" if include else None)


def test_run_tells_uvicorn_to_leave_the_server_header_out() -> None:
    with running(WebServer(__name__, include_server_header=False)) as url:
        assert "server" not in httpx.get(url).headers
    with running(WebServer(__name__)) as url:
        assert httpx.get(url).headers["server"] == "uvicorn"
    with running(WebServer(__name__, global_headers={"Server": "mine"})) as url:
        assert httpx.get(url).headers.get_list("server") == ["mine"]


def test_under_a_foreign_uvicorn_the_server_decides() -> None:
    """What the README says that the application cannot do: the server adds its header after it."""
    app = WebServer(__name__, include_server_header=False)
    with served(app) as url:
        assert httpx.get(url).headers["server"] == "uvicorn"
    with served(app, server_header=False) as url:
        assert "server" not in httpx.get(url).headers


def test_include_server_header_is_a_bool() -> None:
    with pytest.raises(TypeError, match="include_server_header is True or False, not 'no'"):
        WebServer(__name__, include_server_header="no")  # type: ignore[arg-type]


def test_quarts_test_client_sees_what_is_served() -> None:
    app = WebServer(__name__, global_headers={"foo": "bar"})

    async def scenario() -> Any:
        return await app.async_test_client().get("/")

    assert asyncio.run(scenario()).headers["foo"] == "bar"


def test_logging_level() -> None:
    def level_of(name: str, **settings: Any) -> int:
        app = flask.Flask(name) if settings.pop("plain", False) else WebServer(name, **settings)
        return app.logger.level

    assert level_of("levels.plain", plain=True) == level_of("levels.own") == logging.NOTSET
    assert level_of("levels.name", logging_level="INFO") == logging.INFO
    assert level_of("levels.number", logging_level=logging.ERROR) == logging.ERROR
    with pytest.raises(ValueError, match="logging_level must be a level such as 'INFO'"):
        WebServer("levels.wrong", logging_level="LOUD")
    with pytest.raises(TypeError, match="logging_level must be a level"):
        WebServer("levels.wrong", logging_level=True)
