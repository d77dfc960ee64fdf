"""What runs when the server starts and ends."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from aeros_compat import WebServer

from ..servers import free_port, served, wait_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from starlette.requests import Request

variable: contextvars.ContextVar[str] = contextvars.ContextVar("tests.lifespan")


def test_order_context_and_thread(app: WebServer) -> None:
    """Async and sync functions in their order, in one context; the sync ones on one thread, with their application."""
    seen: list[str] = []
    threads: set[str] = set()

    def note(name: str) -> None:
        seen.append(f"{name} {flask.current_app.name} {quart.current_app.name} {variable.get('')}")

    @app.before_serving
    def sync_start() -> None:
        note("sync start")
        variable.set("set")
        threads.add(threading.current_thread().name)

    @app.before_serving
    async def start() -> None:
        note("start")

    @app.while_serving
    def sync_while() -> Iterator[None]:
        threads.add(threading.current_thread().name)
        note("sync while, begin")
        yield
        note("sync while, end")
        threads.add(threading.current_thread().name)

    @app.while_serving
    async def around() -> AsyncIterator[None]:
        note("while, begin")
        yield
        note("while, end")

    @app.after_serving
    def sync_end() -> None:
        note("sync end")
        threads.add(threading.current_thread().name)

    @app.after_serving
    async def end() -> None:
        note("end")

    app.add_url_rule("/", view_func=lambda: "ok", endpoint="ok")
    with served(app, lifespan="on") as url:
        assert httpx.get(url).text == "ok"
        begin = ["sync start", "start", "sync while, begin", "while, begin"]
        assert [entry.split(" tests.")[0] for entry in seen] == begin
    names = [*begin, "while, end", "sync while, end", "sync end", "end"]
    application = "tests.application tests.application"
    assert seen == [f"{name} {application} {'' if name == 'sync start' else 'set'}" for name in names]
    assert len(threads) == 1
    assert threads.pop().startswith("aeros-lease")


def test_served_again(app: WebServer) -> None:
    seen: list[str] = []

    @app.while_serving
    async def around() -> AsyncIterator[None]:
        seen.append("begin")
        yield
        seen.append("end")

    @app.while_serving
    def sync_around() -> Iterator[None]:
        seen.append("sync begin")
        yield
        seen.append("sync end")

    for _ in range(2):
        with served(app, lifespan="on"):
            pass
    assert seen == ["begin", "sync begin", "sync end", "end"] * 2


FAILING = """
import sys
from aeros_compat import WebServer

app = WebServer(__name__)

@app.while_serving
async def opened():
    print("opened", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print("closed again", file=sys.stderr, flush=True)

@app.while_serving
{kind}def fails():
    raise LookupError("no database at db.example")
    yield

@app.get("/")
def index():
    return "never"

if __name__ == "__main__":
    app.run(port={port})
"""

SERVERS = {
    "run()": ["module"],
    "uvicorn": ["uvicorn", "module:app", "--port", "{port}"],
    "hypercorn": ["hypercorn", "module:app", "--bind", "127.0.0.1:{port}"],
    "granian": ["granian", "--interface", "asgi", "--port", "{port}", "module:app"],
}


@pytest.mark.parametrize("kind", ["", "async "], ids=["sync", "async"])
@pytest.mark.parametrize("name", SERVERS)
def test_failure_at_the_start_stops_the_server_with_the_reason(name: str, kind: str, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "module.py").write_text(FAILING.format(kind=kind, port=port))
    command = [part.format(port=port) for part in SERVERS[name]]
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    # hypercorn 0.18 ends with 0 whatever its worker has met.
    assert done.returncode != 0 or name == "hypercorn"
    assert "LookupError: no database at db.example" in done.stdout + done.stderr
    assert done.stderr.index("opened") < done.stderr.index("closed again")


# Applications that are mounted.


def starlette(seen: list[str], name: str) -> Starlette:
    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        seen.append(f"{name} begins")
        yield {"name": name}
        seen.append(f"{name} ends")

    async def index(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.state.name)

    return Starlette(routes=[Route("/", index)], lifespan=lifespan)


def test_mounted_applications_live_with_the_outer_one(app: WebServer) -> None:
    seen: list[str] = []

    @app.while_serving
    async def around() -> AsyncIterator[None]:
        seen.append("outer begins")
        yield
        seen.append("outer ends")

    inner = WebServer("inner")
    inner.mount("/deep", starlette(seen, "deep"))
    twice = starlette(seen, "twice")
    app.mount("/first", starlette(seen, "first"))
    app.mount("/inner", inner)
    app.mount("/twice", twice)
    app.mount("/again", twice)
    with served(app, lifespan="on") as url:
        assert seen == ["outer begins", "first begins", "deep begins", "twice begins"]
        for path, name in {"first": "first", "inner/deep": "deep", "twice": "twice", "again": "twice"}.items():
            assert httpx.get(f"{url}/{path}/").text == name
    assert seen[4:] == ["twice ends", "deep ends", "first ends", "outer ends"]


def test_wsgi_application_and_one_that_knows_no_lifespan(app: WebServer) -> None:
    async def plain(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"plain"})

    app.mount("/plain", plain)
    app.mount("/flask", flask.Flask("old"))
    with served(app, lifespan="on") as url:
        assert httpx.get(f"{url}/plain").text == "plain"


def lifespan_messages(app: Any) -> list[dict[str, Any]]:
    """What an application answers to a start and an end."""
    sent: list[dict[str, Any]] = []
    messages = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

    async def receive() -> Any:
        return messages.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send))
    return sent


def test_mounted_application_that_fails_at_the_start(app: WebServer) -> None:
    seen: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        raise LookupError("no queue")
        yield

    app.after_serving(lambda: seen.append("outer ends"))
    app.mount("/first", starlette(seen, "first"))
    app.mount("/failing", Starlette(lifespan=lifespan))
    app.mount("/never", starlette(seen, "never"))
    (message,) = lifespan_messages(app)
    assert message["type"] == "lifespan.startup.failed"
    assert "The application mounted at '/failing' has failed to start" in message["message"]
    assert "no queue" in message["message"]
    # What had been started is ended.
    assert seen == ["first begins", "first ends", "outer ends"]


def test_failures_at_the_end_do_not_keep_others_from_ending(app: WebServer) -> None:
    seen: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        yield
        raise LookupError("not flushed")

    app.after_serving(lambda: seen.append("outer ends"))
    app.mount("/first", starlette(seen, "first"))
    app.mount("/failing", Starlette(lifespan=lifespan))
    complete, failed = lifespan_messages(app)
    assert complete["type"] == "lifespan.startup.complete"
    assert failed["type"] == "lifespan.shutdown.failed"
    assert "The application mounted at '/failing' has failed to end" in failed["message"]
    assert "not flushed" in failed["message"]
    assert seen == ["first begins", "first ends", "outer ends"]


def test_sync_generator_that_yields_twice(app: WebServer) -> None:
    closed: list[bool] = []

    @app.while_serving
    def twice() -> Iterator[None]:
        try:
            yield
            yield
        finally:
            closed.append(True)

    _, failed = lifespan_messages(app)
    assert failed["type"] == "lifespan.shutdown.failed"
    assert "didn't terminate" in failed["message"]


# Background tasks.


def test_background_tasks(app: WebServer) -> None:
    done: list[str] = []

    def sync_task(name: str) -> None:
        done.append(f"{name} {flask.current_app.name} {threading.current_thread().name.split('-')[1]}")

    async def task(name: str) -> None:
        done.append(f"{name} {quart.current_app.name} {threading.current_thread().name}")

    @app.get("/sync")
    def from_sync() -> str:
        app.add_background_task(sync_task, "sync")
        return "ok"

    @app.get("/async")
    async def from_async() -> str:
        app.add_background_task(task, "async")
        app.add_background_task(sync_task, "sync from async")
        return "ok"

    with served(app, lifespan="on") as url:
        assert httpx.get(f"{url}/sync").text == "ok"
        assert httpx.get(f"{url}/async").text == "ok"
        wait_for(lambda: len(done) == 3, timeout=5)
    assert sorted(done) == [
        "async tests.application test-uvicorn",
        "sync from async tests.application worker",
        "sync tests.application worker",
    ]


def test_background_task_without_a_server(app: WebServer) -> None:
    with pytest.raises(RuntimeError, match="needs a running server"):
        app.add_background_task(print)


def test_background_tasks_are_waited_for_and_then_cancelled(app: WebServer) -> None:
    ended: list[str] = []
    app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = 0.5

    async def short() -> None:
        await asyncio.sleep(0.2)
        ended.append("short")

    async def long() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            ended.append("long cancelled")
            raise

    @app.get("/")
    async def index() -> str:
        app.add_background_task(short)
        app.add_background_task(long)
        return "ok"

    with served(app, lifespan="on") as url:
        assert httpx.get(url).text == "ok"
    assert ended == ["short", "long cancelled"]


def test_background_task_that_fails(app: WebServer, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise LookupError("in the background")

    @app.get("/")
    async def index() -> str:
        app.add_background_task(fails)
        return "ok"

    with served(app, lifespan="on") as url:
        assert httpx.get(url).text == "ok"
        wait_for(lambda: "in the background" in caplog.text, timeout=5)
        assert httpx.get(url).text == "ok"
