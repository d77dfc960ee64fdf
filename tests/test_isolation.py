"""No request sees anything of another's; nothing is left over; sync resources stay on their thread."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart

from .servers import raw_exchange, served, wait_for

if TYPE_CHECKING:
    from aeros_compat import WebServer

variable: contextvars.ContextVar[str] = contextvars.ContextVar("tests.isolation")


def build(app: WebServer, opened: list[sqlite3.Connection], closed: list[int]) -> WebServer:
    """An application whose hooks put the request's number everywhere, and whose views find it there."""
    local = threading.local()

    @app.before_request
    def before() -> None:
        number = flask.request.args["n"]
        assert getattr(local, "number", None) is None, "a thread-local of another request"
        assert variable.get(None) is None, "a context variable of another request"
        local.number = number
        variable.set(number)
        flask.g.number = number
        flask.g.db = sqlite3.connect(":memory:")
        flask.g.thread = threading.get_ident()
        opened.append(flask.g.db)

    def check() -> dict[str, Any]:
        number = flask.request.args["n"]
        # Every one of these must be this request's.
        seen = {
            quart.request.args["n"],
            flask.g.number,
            quart.g.number,
            variable.get(),
            flask.request.headers["X-Number"],
            flask.request.get_data(as_text=True),
        }
        previous = flask.session.get("number")
        assert previous is None or previous == number
        quart.session["number"] = number
        assert seen == {number}
        return {"n": number}

    @app.post("/sync")
    def sync() -> Any:
        assert local.number == flask.request.args["n"]
        time.sleep(0.002)
        return check()

    @app.post("/async")
    async def awaited() -> Any:
        await asyncio.sleep(0.002)
        first = check()
        await asyncio.sleep(0.002)
        assert first == check()
        return first

    @app.teardown_appcontext
    def close(error: BaseException | None) -> None:
        assert threading.get_ident() == flask.g.thread, "teardown on another thread"
        assert local.number == flask.g.number
        local.number = None
        flask.g.db.close()  # raises ProgrammingError on a thread that did not open it
        closed.append(1)

    return app


def test_200_concurrent_requests_on_8_threads(app: WebServer) -> None:
    opened: list[sqlite3.Connection] = []
    closed: list[int] = []
    app.testing = False
    build(app, opened, closed)
    per_client, clients = 20, 32

    def client(index: int) -> None:
        with httpx.Client(base_url=url) as session:
            for count in range(per_client):
                number = f"{index}"
                path = "/sync" if (index + count) % 2 else "/async"
                response = session.post(path, params={"n": number}, headers={"X-Number": number}, content=number)
                assert response.status_code == 200, response.text
                assert response.json() == {"n": number}

    async def burst() -> None:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as session:

            async def one(number: str) -> httpx.Response:
                path = "/sync" if int(number) % 2 else "/async"
                return await session.post(path, params={"n": number}, headers={"X-Number": number}, content=number)

            # One cookie jar for all would share the session between the requests.
            session.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            for response in await asyncio.gather(*(one(str(number)) for number in range(200))):
                assert response.status_code == 200, response.text

    with served(app) as url:
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(client, range(clients)))
        asyncio.run(burst())
        total = per_client * clients + 200
        wait_for(lambda: len(closed) == total)
    assert len(opened) == len(closed) == total


def test_background_work_holds_up_nobody(app: WebServer) -> None:
    """Neither the request that has started it, nor the next one on the same thread."""
    done: list[float] = []

    @app.before_request
    def before() -> None:
        """So that the request has a thread of its own."""

    @app.after_request
    def after(response: flask.Response) -> flask.Response:
        return response

    def slow() -> None:
        time.sleep(1.5)
        done.append(time.monotonic())

    @app.get("/start")
    async def start() -> str:
        app.add_background_task(slow)
        await asyncio.sleep(0.01)
        return "started"

    @app.get("/")
    async def other() -> str:
        return "other"

    with served(app) as url:
        assert httpx.get(f"{url}/start").text == "started"
        assert httpx.get(url).text == "other"
        answered = time.monotonic()
        wait_for(lambda: bool(done), timeout=10)
    assert answered < done[0]


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
