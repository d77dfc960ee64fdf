"""Answers that wait for one another: they leave together, none is overtaken, and none is lost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest

from aeros_compat.serving import outbox

from ..servers import errors_of_servers, read_all, served, wait_for
from .test_protocol import WEBSOCKET, connect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from aeros_compat import WebServer

    from ..conftest import Lane

GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n"
CLOSE = b"Connection: close\r\n\r\n"
#: Seconds for which the loop is kept from going on after an answer: longer than what a client does meanwhile.
BLOCKED = 0.5


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def all_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine does meanwhile."""
    monkeypatch.setattr(outbox, "SOON", float("inf"))


@pytest.fixture
def url(app: WebServer, lane: Lane, loop: str) -> Iterator[str]:
    """A server that is at work on another request, so that answers wait."""
    is_over = False

    async def held() -> str:
        while not is_over:
            await asyncio.sleep(0.01)
        return "held"

    app.add_url_rule("/held", view_func=held)
    app.add_url_rule("/<name>", view_func=lane(lambda name: name), endpoint="view")
    app.asgi_app = after_answers(app.asgi_app)  # type: ignore[method-assign]
    with (
        served(app, loop=loop, access_log=False, lifespan="off", timeout_keep_alive=BLOCKED / 2) as url,
        connect(url) as connection,
    ):
        connection.sendall(GET % b"held" + CLOSE)
        yield url
        is_over = True
        assert read_all(connection).endswith(b"held")


def after_answers(inner: Callable[..., Awaitable[None]]) -> Any:
    """An application that still does something when it has answered."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope, receive, send)
        if scope["path"] == "/raises":
            raise RuntimeError("after the answer")
        if scope["path"].startswith("/blocks"):
            time.sleep(BLOCKED)

    return application


def test_the_answers_of_a_turn_leave_together(app: WebServer, monkeypatch: pytest.MonkeyPatch, loop: str) -> None:
    events: list[str] = []
    go_on = asyncio.Event()

    class Outbox(outbox.Outbox):
        def add(self, transport: asyncio.Transport, data: bytes) -> None:
            events.append("answered")
            super().add(Recorded(transport), data)  # type: ignore[arg-type]

    class Recorded:
        def __init__(self, transport: asyncio.Transport) -> None:
            self.is_closing = transport.is_closing
            self._write = transport.write

        def write(self, data: bytes) -> None:
            events.append("written")
            self._write(data)

    monkeypatch.setattr(outbox, "Outbox", Outbox)
    waiting = 0

    @app.get("/")
    async def view() -> str:
        nonlocal waiting
        waiting += 1
        await go_on.wait()
        return "answer"

    @app.get("/go")
    async def go() -> str:
        go_on.set()
        return "gone"

    def ask(soon: float, most: int) -> str:
        nonlocal waiting
        monkeypatch.setattr(outbox, "SOON", soon)
        monkeypatch.setattr(outbox, "MOST", most)
        waiting = 0
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(connect(url)) for _ in range(4)]
            for connection in connections:
                connection.sendall(GET % b"" + b"\r\n")
            wait_for(lambda: waiting == 4)
            with connect(url) as other:
                other.sendall(GET % b"go" + CLOSE)
                assert read_all(other).endswith(b"gone")
            for connection in connections:
                assert connection.recv(65536).endswith(b"answer")
        go_on.clear()
        # The answer of the one that lets them go on is the first: theirs come in the turn after.
        found, events[:] = events[2:], []
        return " ".join(event[0] for event in found)

    with served(app, loop=loop, access_log=False) as url:
        assert ask(float("inf"), 100) == "a a a a w w w w"
        assert ask(float("inf"), 2) == "a a w w a a w w"
        assert ask(-1, 100) == "a w a w a w a w"


def test_pipelined_answers_stay_in_order(url: str) -> None:
    names = [b"%d" % number for number in range(50)]
    with connect(url) as connection:
        connection.sendall(b"".join(GET % name + b"\r\n" for name in names) + GET % b"last" + CLOSE)
        answers = read_all(connection).split(b"HTTP/1.1 200 OK")[1:]
    assert [answer.rpartition(b"\r\n")[2] for answer in answers] == [*names, b"last"]


def test_an_application_that_fails_after_its_answer_has_answered(url: str) -> None:
    with errors_of_servers() as errors, connect(url) as connection:
        connection.sendall(GET % b"raises" + b"\r\n")
        assert read_all(connection).endswith(b"raises")
    assert [str(error.exc_info[1]) for error in errors if error.exc_info] == ["after the answer"]


def test_a_client_that_sends_nothing_more_is_answered(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(GET % b"blocks" + b"\r\n")
        time.sleep(BLOCKED / 5)
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).endswith(b"blocks")


def test_a_connection_whose_time_is_over_has_been_answered(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(GET % b"blocks" + b"\r\n")
        assert read_all(connection).endswith(b"blocks")


def test_what_is_no_request_does_not_overtake_the_answer(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(GET % b"blocks" + b"\r\n")
        time.sleep(BLOCKED / 5)
        connection.sendall(b"?\r\n\r\n")
        found = read_all(connection)
    assert found.startswith(b"HTTP/1.1 200")
    assert found.partition(b"blocks")[2].startswith(b"HTTP/1.1 400")


def test_a_websocket_does_not_overtake_the_answer(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(GET % b"blocks" + b"\r\n")
        time.sleep(BLOCKED / 5)
        # Without a key it is refused where it is read, not in a task that comes later.
        connection.sendall(GET % b"none" + WEBSOCKET.rpartition(b"Sec-")[0] + b"\r\n")
        found = read_all(connection)
    assert found.startswith(b"HTTP/1.1 200")
    assert found.partition(b"blocks")[2].startswith(b"HTTP/1.1 40")


def test_a_client_that_has_left_keeps_nobody_from_an_answer(url: str) -> None:
    with errors_of_servers() as errors, connect(url) as left, connect(url) as stays:
        left.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        left.sendall(GET % b"blocks" + b"\r\n")
        stays.sendall(GET % b"blocks-too" + b"\r\n")
        time.sleep(BLOCKED / 5)
        left.close()
        assert read_all(stays).endswith(b"blocks-too")
    assert not errors
