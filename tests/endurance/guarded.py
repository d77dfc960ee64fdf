"""An application that looks, at every step of every request, whether it sees anything of another one.

Three ways through the server: ``/sync`` and ``/async`` have sync hooks, ``/loop`` has async ones only, so that it stays
on the event loop. Every request says who it is in its query, a header and its body, and puts it everywhere.
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import flask
import quart
from flask import Blueprint

from aeros_compat import WebServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

app = WebServer(__name__)
app.secret_key = "only for tests"

variable: contextvars.ContextVar[str] = contextvars.ContextVar("tests.endurance")
local = threading.local()
counts: Counter[str] = Counter()
leaks: list[str] = []
_lock = threading.Lock()


def count(name: str) -> None:
    with _lock:
        counts[name] += 1


def expect(what: str, found: object, wanted: object) -> None:
    count("looks")
    if found != wanted:
        leaks.append(f"{what} is {found!r} in the request of {wanted!r}")


def enter(*, on_thread: bool) -> None:
    """The first hook: nothing is there; then the request puts its number everywhere."""
    number, client = flask.request.args["n"], flask.request.args["client"]
    count("entered")
    expect("the context variable", variable.get(None) or number, number)
    expect("g", flask.g.get("number", number), number)
    expect("the owner of the session", flask.session.get("client", client), client)
    for text in flask.get_flashed_messages():
        expect("a flash", text, client)
    variable.set(number)
    flask.g.number = number
    flask.g.is_open = True
    quart.session["client"] = client
    flask.flash(client)
    if on_thread:
        expect("the thread-local", getattr(local, "number", None) or number, number)
        local.number = number
        flask.g.thread = threading.get_ident()
        flask.g.database = sqlite3.connect(":memory:")  # raises on any thread but its own


def look(*, on_thread: bool) -> None:
    """Any later step: everything is this request's, whichever name it is asked by."""
    number = flask.request.args["n"]
    look_in_stream(number)
    expect("g", flask.g.number, number)
    expect("g of Quart", quart.g.number, number)
    if on_thread:
        expect("the thread", threading.get_ident(), flask.g.thread)
    if on_thread and flask.g.is_open:
        expect("the thread-local", getattr(local, "number", None), number)
        flask.g.database.execute("select 1")


def look_in_stream(number: str) -> None:
    """A step of a stream of Quart's, which has no ``g`` (https://github.com/pallets/quart/issues/361)."""
    expect("the query", flask.request.args["n"], number)
    expect("the query of Quart", quart.request.args["n"], number)
    expect("the header", flask.request.headers["X-Number"], number)
    expect("the context variable", variable.get(None), number)
    expect("the session", flask.session["client"], flask.request.args["client"])


def leave(*, on_thread: bool) -> None:
    if not flask.g.get("is_open"):  # Flask's second teardown, after a stream with context
        return
    look(on_thread=on_thread)
    flask.g.is_open = False
    count("left")
    if on_thread:
        local.number = None
        flask.g.database.close()


def make_sync_hooks(name: str) -> Blueprint:
    blueprint = Blueprint(name, __name__, url_prefix=f"/{name}")
    blueprint.before_request(lambda: enter(on_thread=True))

    @blueprint.after_request
    def after(response: flask.Response) -> flask.Response:
        look(on_thread=True)
        return response

    blueprint.teardown_request(lambda error: leave(on_thread=True))
    return blueprint


def make_async_hooks(name: str) -> Blueprint:
    blueprint = Blueprint(name, __name__, url_prefix=f"/{name}")

    async def before() -> None:
        enter(on_thread=False)
        await asyncio.sleep(0)
        look(on_thread=False)

    async def after(response: flask.Response) -> flask.Response:
        await asyncio.sleep(0)
        look(on_thread=False)
        return response

    async def teardown(error: BaseException | None) -> None:
        await asyncio.sleep(0)
        leave(on_thread=False)

    blueprint.before_request(before)
    blueprint.after_request(after)
    blueprint.teardown_request(teardown)
    return blueprint


def add_sync_views(blueprint: Blueprint) -> None:
    @blueprint.post("/echo")
    def echo() -> Any:
        look(on_thread=True)
        time.sleep(0.001)
        body = flask.request.stream.read()
        look(on_thread=True)
        return body[:20]

    @blueprint.get("/stream")
    def stream() -> Any:
        def pieces() -> Iterator[str]:
            for _ in range(3):
                look(on_thread=True)
                time.sleep(0.0005)
                yield f"{flask.g.number};"

        return flask.Response(flask.stream_with_context(pieces()))


def add_async_views(blueprint: Blueprint) -> None:
    @blueprint.post("/echo")
    async def echo() -> Any:
        look(on_thread=False)
        await asyncio.sleep(0.001)
        first = b""
        async for piece in quart.request.body:
            first = first or bytes(piece[:20])
            look(on_thread=False)
        return first

    @blueprint.get("/stream")
    async def stream() -> Any:
        number = flask.g.number

        @quart.stream_with_context
        async def pieces() -> AsyncIterator[str]:
            for _ in range(3):
                look_in_stream(number)
                await asyncio.sleep(0.0005)
                yield f"{flask.request.args['n']};"

        return pieces()


sync, awaited, loop = make_sync_hooks("sync"), make_sync_hooks("async"), make_async_hooks("loop")
add_sync_views(sync)
add_async_views(awaited)
add_async_views(loop)
for blueprint in (sync, awaited, loop):
    app.register_blueprint(blueprint)


@app.websocket("/ws")
async def ws() -> None:
    number = quart.websocket.args["n"]
    count("websockets")
    expect("g of a websocket", flask.g.get("number", number), number)
    expect("the context variable of a websocket", variable.get(None) or number, number)
    flask.g.number = number
    variable.set(number)
    for _ in range(3):
        expect("a message", await quart.websocket.receive(), number)
        expect("g of a websocket", quart.g.number, number)
        expect("the context variable of a websocket", variable.get(), number)
        expect("the query of a websocket", flask.request.args["n"], number)
        await quart.websocket.send(number)


@app.get("/found")
async def found() -> Any:
    return {"leaks": leaks[:20], "counts": counts}
