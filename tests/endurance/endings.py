"""However a request ends, everything that it held is given back once, as under plain Flask, which is run beside."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import flask
from flask.sessions import SecureCookieSessionInterface
from werkzeug.test import EnvironBuilder

from aeros_compat import WebServer

from ..asgi import ask, http_scope
from ..gateway.memory import connect
from ..servers import read_all, served, wait_for
from .promise import promise

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Iterator

    Notes = defaultdict[str, list[str]]

#: A sync view; an async one with sync hooks, on a leased thread; an async one with async hooks, on the loop alone.
LANES = ("sync", "async", "loop")

#: Where an exception leaves the user's code.
FAILURES = ("before", "view", "handler", "after", "teardown", "generator", "SystemExit")

#: When a client leaves.
DEPARTURES = ("in its body", "in the view", "in the stream", "afterwards")

STREAMS = ("stream", "generator", "in the stream")

#: Seconds that a view takes, if something is to happen meanwhile.
PAUSES = {"in the view": 0.05, "cancelled": 0.1, "shutdown": 0.3}

#: Seconds for a request whose time is to be over: enough to reach its view, on a machine that is busy, too.
TIMEOUT = 2.0

#: Seconds after the end of the user's code within which every thread is free again.
PROMPT = 1.0


class _Session(SecureCookieSessionInterface):
    """Notes that a session is saved."""

    def should_set_cookie(self, app: flask.Flask, session: Any) -> bool:
        app.config["NOTES"][flask.g.number].append("saved")
        return super().should_set_cookie(app, session)


class _Case:
    """One way to end: an application, and what is noted of each of its requests, by number."""

    def __init__(self, app: flask.Flask, ending: str, lane: str) -> None:
        self.app = app
        self.ending = ending
        self.lane = lane
        self.notes: Notes = defaultdict(list)
        #: Of requests whose time is over, by number: set once the client has its 504.
        self.told: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        app.config["NOTES"] = self.notes
        app.secret_key = "only for tests"
        app.session_interface = _Session()
        app.logger.disabled = True
        hook = _as_async if lane == "loop" else _as_it_is
        app.before_request(hook(self.before))
        app.after_request(hook(lambda response: self.step("after", response)))
        app.teardown_appcontext(hook(lambda error: self.step("teardown of the app")))
        app.teardown_request(hook(lambda error: self.step("teardown")))
        app.register_error_handler(KeyError, hook(lambda error: self.step("handler", ("handled", 418))))
        view = self.view if lane == "sync" else self.async_view
        app.add_url_rule("/", view_func=view, endpoint="view", methods=["GET", "POST"])

    def before(self) -> None:
        flask.g.number = flask.request.args["n"]
        self.step("before")

    def step(self, name: str, value: Any = None) -> Any:
        self.notes[flask.g.number].append(name)
        if name == self.ending:
            raise ValueError(name)
        return value

    def view(self) -> Any:
        self.begin()
        if self.ending == "timeout":
            assert self.told[flask.g.number].wait(60)
        time.sleep(PAUSES.get(self.ending, 0))
        return self.finish()

    async def async_view(self) -> Any:
        self.begin()
        await asyncio.sleep(60 if self.ending == "timeout" else PAUSES.get(self.ending, 0))
        return self.finish()

    def begin(self) -> None:
        flask.session["visited"] = True
        flask.request.get_data()  # raises if the client has left in the middle of it
        self.step("view")
        if self.ending == "handler":
            raise KeyError
        if self.ending == "SystemExit":
            raise SystemExit

    def finish(self) -> flask.Response:
        notes = self.notes[flask.g.number]
        body: Any = "whole"
        if self.ending in STREAMS:
            body = self.async_pieces(notes) if self.lane == "loop" else self.pieces(notes)
        response = flask.current_app.make_response(body)
        response.call_on_close(lambda: notes.append("closed"))
        return response

    def pieces(self, notes: list[str]) -> Iterator[str]:
        try:
            yield "first"
            if self.ending == "generator":
                raise ValueError
            while self.ending == "in the stream":
                yield "more" * 20_000
            yield "last"
        finally:
            notes.append("end of the stream")

    async def async_pieces(self, notes: list[str]) -> AsyncIterator[str]:
        pieces = self.pieces(notes)
        try:
            for piece in pieces:
                yield piece
                await asyncio.sleep(0)
        finally:
            pieces.close()  # type: ignore[attr-defined]


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _as_async(function: Callable[..., Any]) -> Callable[..., Any]:
    async def converted(*args: Any) -> Any:
        await asyncio.sleep(0)
        return function(*args)

    return converted


def under_flask(ending: str) -> list[str]:
    """What a request notes under plain Flask, with a WSGI server that calls ``close()``."""
    case = _Case(flask.Flask("tests.endings"), ending, "sync")
    environ = EnvironBuilder("/?n=0").get_environ()
    if ending == "in its body":
        environ["CONTENT_LENGTH"] = "9"  # and there is none
    case.told["0"].set()
    with contextlib.suppress(ValueError, SystemExit):
        chunks = case.app.wsgi_app(environ, lambda status, headers, error=None: lambda data: None)
        try:
            for _ in chunks:
                if ending == "in the stream":
                    break
        finally:
            chunks.close()  # type: ignore[attr-defined]
    return case.notes["0"]


def expected_of(ending: str, lane: str) -> list[str]:
    if ending in ("cancelled", "timeout") and lane != "sync":
        return under_flask("SystemExit")  # a thread goes on to its end, a coroutine stops where it is
    return under_flask(ending)


class _Client:
    """Sends requests to a case, and leaves as its ending says."""

    def __init__(self, case: _Case, app: WebServer, url: str) -> None:
        self._case = case
        self._app = app
        self._url = url

    def ask(self, number: int) -> None:
        ending = self._case.ending
        with connect(self._url) as connection:
            if ending == "in its body":
                connection.sendall(f"POST /?n={number} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc".encode())
                return
            keep = "keep-alive" if ending == "afterwards" else "close"
            connection.sendall(f"GET /?n={number} HTTP/1.1\r\nHost: x\r\nConnection: {keep}\r\n\r\n".encode())
            if ending == "in the view":
                wait_for(lambda: "view" in self._case.notes[str(number)])
            elif ending in ("in the stream", "afterwards"):
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            elif ending == "timeout":
                self._look_at_timeout(connection, str(number))
            else:
                assert read_all(connection)

    def _look_at_timeout(self, connection: socket.socket, number: str) -> None:
        """504, while a sync view still has its thread, which is counted."""
        try:
            assert read_all(connection).startswith(b"HTTP/1.1 504 ")
            if self._case.lane == "sync":
                # Its own. The numbers of others change meanwhile, and not both at once.
                assert self._app.threads.busy > 0
                assert len(self._app.overdue) > 0
        finally:
            self._case.told[number].set()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """uvicorn logs the exceptions that leave the application, of which there are many here."""
    logger = logging.getLogger("uvicorn.error")
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


def _serve(case: _Case, app: WebServer, count: int) -> float:
    """``count`` requests, eight at a time, from a real server; with the ending ``shutdown`` it stops meanwhile."""
    with _quiet(), ThreadPoolExecutor(8) as pool, served(app, log_config=None) as url:
        client = _Client(case, app, url)
        asked = [pool.submit(client.ask, number) for number in range(count)]
        if case.ending == "shutdown":
            wait_for(lambda: all("view" in case.notes[str(number)] for number in range(count)))
        else:
            for each in asked:
                each.result(timeout=120)
            _check(case, app, count)  # while it serves: the end of a server would end much
    for each in asked:
        each.result()
    return _check(case, app, count)


def _cancel(case: _Case, app: WebServer, count: int) -> float:
    async def scenario() -> None:
        for number in range(count):
            scope = http_scope(query_string=f"n={number}".encode())
            task = asyncio.create_task(ask(app, scope=scope))
            while "view" not in case.notes[str(number)]:
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

    asyncio.run(scenario())
    return _check(case, app, count)


def _check(case: _Case, app: WebServer, count: int) -> float:
    """Wait until every request has noted what it should, and no more; the seconds until all threads were free."""
    expected = expected_of(case.ending, case.lane)
    assert len([name for name in expected if name == "teardown"]) == 1

    def is_done() -> bool:
        return all(len(case.notes[str(number)]) >= len(expected) for number in range(count))

    with contextlib.suppress(AssertionError):
        wait_for(is_done, timeout=10)
    seconds = _seconds_until_free(app)
    for number in range(count):
        found = case.notes[str(number)]
        assert found == expected, f"{case.ending}, {case.lane} lane: {found}, under Flask {expected}"
    return seconds


def _seconds_until_free(app: WebServer) -> float:
    """Seconds until all threads are free. The machine may be busy: what it lets a thread wait meanwhile is allowed."""
    began = looked = time.monotonic()
    threads, late = app.threads, 0.0
    while not threads.busy == threads.leases == threads.kept == len(app.overdue) == 0:
        assert looked - began < PROMPT + late, f"{threads.busy}, {threads.leases}, {threads.kept} threads are not free"
        time.sleep(0.01)
        late += max(0.0, time.monotonic() - looked - 0.02)
        looked = time.monotonic()
    return looked - began


def _total(endings: tuple[str, ...], count: int) -> str:
    slowest = 0.0
    for ending in endings:
        for lane in LANES:
            app = WebServer("tests.endings", request_timeout=TIMEOUT if ending == "timeout" else None)
            case = _Case(app, ending, lane)
            if ending == "cancelled":
                seconds = _cancel(case, app, count)
            else:
                # All of those that a server finishes when it ends run at once, on its eight threads. A timeout lasts.
                at_most = {"shutdown": 8, "timeout": 40}.get(ending, count)
                seconds = _serve(case, app, min(count, at_most))
            slowest = max(slowest, seconds)
    return f"{len(endings)} endings x {len(LANES)} lanes as under Flask; threads free after at most {slowest:.2f} s"


EACH = "requests of each ending in each lane"


@promise("A request that succeeds, also as a stream, gives everything back once", unit=EACH, short=8, long=500)
def finished(count: int) -> str:
    return _total(("success", "stream"), count)


@promise(
    "An exception in any of the user's code: teardown, close() and session as in Flask", unit=EACH, short=8, long=500
)
def failed(count: int) -> str:
    return _total(FAILURES, count)


@promise("A client that leaves at any time: teardown, close() and session as in Flask", unit=EACH, short=8, long=500)
def left(count: int) -> str:
    return _total(DEPARTURES, count)


@promise(
    "A request that is cancelled or takes too long, a server that ends: all is given back once",
    unit=EACH,
    short=8,
    long=100,
)
def ended(count: int) -> str:
    return _total(("cancelled", "timeout", "shutdown"), count)
