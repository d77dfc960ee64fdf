"""Requests that follow each other on a thread or a connection. Those at the same time: tests/endurance/isolation.py."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart

from .servers import raw_exchange, served, wait_for

if TYPE_CHECKING:
    from aeros_compat import WebServer

variable: contextvars.ContextVar[str] = contextvars.ContextVar("tests.isolation")


def test_background_work_holds_up_nobody(app: WebServer) -> None:
    """Neither the request that has started it, nor the next one on the same thread."""
    done: list[str] = []
    goes_on = threading.Event()

    @app.before_request
    def before() -> None:
        """So that the request has a thread of its own."""

    @app.after_request
    def after(response: flask.Response) -> flask.Response:
        return response

    def slow() -> None:
        assert goes_on.wait(20)
        done.append("done")

    @app.get("/start")
    async def start() -> str:
        app.add_background_task(slow)
        await asyncio.sleep(0.01)
        return "started"

    @app.get("/")
    async def other() -> str:
        return "other"

    with served(app) as url:
        assert httpx.get(f"{url}/start", timeout=10).text == "started"
        assert httpx.get(url, timeout=10).text == "other"
        assert done == []
        goes_on.set()
        wait_for(lambda: done == ["done"])


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_next_request_of_a_connection_starts_clean(app: WebServer, path: str) -> None:
    """https://github.com/python/cpython/issues/140947: a server that resumes reading in the context of its caller."""
    leaked: list[Any] = []

    @app.before_request
    def before() -> None:
        leaked.extend([variable.get(None), getattr(flask.g, "seen", None)])
        variable.set("leaked")
        flask.g.seen = "leaked"

    app.post("/sync", endpoint="sync")(lambda: str(len(flask.request.get_data())))

    @app.post("/async")
    async def view() -> str:
        size = 0
        async for piece in quart.request.body:
            size += len(piece)
            await asyncio.sleep(0)
        return str(size)

    size = 3_000_000
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
    request = head.encode() + b"\r\n" + b"x" * size
    last = head.encode() + b"Connection: close\r\n\r\n" + b"x" * size
    with served(app, reset_contextvars=False) as url:
        answers = raw_exchange(url, request * 3 + last)
    assert answers.count(b"\r\n\r\n3000000") == 4
    assert leaked == [None, None] * 4
