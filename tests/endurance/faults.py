"""What goes wrong outside: requests are answered all the same, and all is well again when it is over."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
import httpx
import time_machine

from aeros_compat import FileSystemCache, RedisCache, SimpleCache, WebServer

from ..gateway.memory import ROOT
from ..programs import ended
from ..redis_server import RedisServer, redis_server
from ..servers import ask_until, served, wait_for
from .client import Connection, request
from .promise import promise
from .proxy import SlowProxy
from .shutdown import CLIENTS, Load, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


def _cached_app(cache: Any) -> WebServer:
    """Cached views in both lanes, each of which says its number, and one that needs no cache."""
    app = WebServer("tests.faults", cache=cache)
    app.logger.disabled = True

    @app.get("/sync")
    @app.cache(timeout=1, query_string=True)
    def sync() -> str:
        return flask.request.args["n"]

    @app.get("/async")
    @app.cache(timeout=1, query_string=True)
    async def awaited() -> str:
        await asyncio.sleep(0.001)
        return flask.request.args["n"]

    @app.get("/other")
    async def other() -> str:
        return flask.request.args["n"]

    return app


class _Asking:
    """Clients that ask for all three, until the end of the block."""

    def __init__(self, url: str) -> None:
        self.answered = dict.fromkeys(("/sync", "/async", "/other"), 0)
        self.failed: list[object] = []
        self._url = url
        self._ending = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> _Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(path) for path in self.answered for _ in range(4)))

    async def _client(self, path: str) -> None:
        connection = Connection(self._url)
        for number in itertools.count():
            if self._ending.is_set():
                break
            text = str(number % 20)
            answer = await connection.ask(request("GET", f"{path}?n={text}"))
            if (answer.status, answer.text) != (200, text):
                self.failed.append(answer)
            self.answered[path] += 1
            await asyncio.sleep(0.002)
        connection.close()

    def wait_for_more(self, count: int) -> None:
        """Until each view has given so many more answers."""
        before = dict(self.answered)
        wait_for(lambda: all(self.answered[path] >= before[path] + count for path in before), timeout=60)


@contextmanager
def _stopped(server: RedisServer, proxy: SlowProxy) -> Iterator[None]:
    server.stop()
    yield
    server.start()


@contextmanager
def _hung(server: RedisServer, proxy: SlowProxy) -> Iterator[None]:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    yield
    os.kill(server.pid, signal.SIGCONT)


@contextmanager
def _slow(server: RedisServer, proxy: SlowProxy) -> Iterator[None]:
    proxy.delay = 0.1
    yield
    proxy.delay = 0


REDIS_FAULTS = (_stopped, _hung, _slow)


@promise("Redis stopped, hung and slow, under load: no request fails", unit="faults of each kind", short=1, long=10)
def redis(count: int) -> str:
    with redis_server() as server, SlowProxy(server.port) as proxy:
        app = _cached_app(RedisCache("127.0.0.1", proxy.port))
        with served(app, log_config=None) as url, _Asking(url) as asking:
            wait_for(lambda: app.cache_stats().hits > 20)
            for _ in range(count):
                for fault in REDIS_FAULTS:
                    with fault(server, proxy):
                        asking.wait_for_more(20)
                    hits = app.cache_stats().hits
                    wait_for(lambda hits=hits: app.cache_stats().hits > hits + 20)  # type: ignore[misc]
    assert not asking.failed, asking.failed[:3]
    assert app.cache_stats().errors > 0
    return f"{sum(asking.answered.values()):,} requests answered, 0 failed; the cache is used again after each"


#: Files may not grow beyond 32 KiB in this process: what a full disk does to the cache, without filling one.
FULL_DISK = """
import logging, resource, sys
from aeros_compat import FileSystemCache, WebServer
from aeros_compat.caching import backends, store

# Each request tries the disk again, and looks at once for what the one before has left there.
store.REST_SECONDS = backends.UNFINISHED_SECONDS = 0
app = WebServer("full", cache=FileSystemCache("cache"))
app.logger.setLevel(logging.CRITICAL)
calls = {"large": 0, "small": 0}

@app.get("/sync/<size>")
@app.cache()
def sync(size):
    calls[size] += 1
    return "x" * (200_000 if size == "large" else 200)

@app.get("/async/<size>")
@app.cache()
async def awaited(size):
    return sync.__wrapped__(size)

resource.setrlimit(resource.RLIMIT_FSIZE, (32_768, resource.RLIM_INFINITY))
client = app.test_client()
failed = 0
for number in range(int(sys.argv[1])):
    for path in ("/sync/large", "/async/large", "/sync/small", "/async/small"):
        response = client.get(path)
        failed += response.status_code != 200 or len(response.data) not in (200, 200_000)
print(failed, calls["large"], calls["small"], app.cache_stats().errors)
"""


@promise(
    "Disk full for the file cache: requests are answered without it", unit="requests of each kind", short=20, long=2000
)
def disk_full(count: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "full.py").write_text(FULL_DISK)
        done = ended("full.py", str(count), cwd=Path(folder), PYTHONPATH=str(ROOT), timeout=60 + count)
        assert done.returncode == 0, done.stderr
        left = sum(file.stat().st_size for file in Path(folder, "cache").rglob("*"))
    failed, large, _, errors = map(int, done.stdout.split())
    assert (failed, large) == (0, 2 * count), done.stdout
    assert errors >= 2 * count
    assert left < 200_000, "parts of entries stay on the disk"
    return f"{4 * count:,} answered, 0 failed; {errors} attempts to write; {left} bytes in the cache"


@promise("A worker that is killed takes only its own requests with it", unit="workers killed", short=1, long=10)
def killed_worker(count: int) -> str:
    with serving("--workers", "2") as server, Load(server.url) as load:
        for _ in range(count):
            before = load.answered
            wait_for(lambda before=before: load.answered > before + CLIENTS)  # type: ignore[misc]
            os.kill(int(server.get_once("/sync/slow").text), signal.SIGKILL)
        before = load.answered
        wait_for(lambda: load.answered > before + 3 * CLIENTS, timeout=60)
        load.ending.set()
    # Each client had at most one request with it: sent, or waiting in its queue of the system's.
    assert len(load.failed) <= count * CLIENTS, load.failed
    assert load.refused == 0
    return f"{load.answered:,} requests of {CLIENTS} clients answered, {len(load.failed)} lost with the workers"


@promise("Code that blocks the event loop is found and named in the log", unit="blocks", short=2, long=30)
def blocked_loop(count: int) -> str:
    app = WebServer("tests.blocked_loop", watch=True)
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    app.logger.handlers = [handler]
    app.logger.propagate = False

    for number in range(count):
        name = f"bad_view_{number}"
        code: dict[str, Any] = {"time": time}
        exec(f"async def {name}():\n    time.sleep(0.5)\n    return 'late'\n", code)  # a place of its own
        app.add_url_rule(f"/{number}", view_func=code[name])
    with served(app, log_config=None) as url:
        httpx.get(f"{url}/first", timeout=60)  # with which the watch begins
        wait_for(lambda: any(thread.name == "aeros-watchdog" for thread in threading.enumerate()))
        for number in range(count):
            words = f"bad_view_{number} in"
            assert ask_until(f"{url}/{number}", lambda words=words: any(words in text for text in said)) == "late"  # type: ignore[misc]
    named = [number for number in range(count) if any(f"bad_view_{number} in" in text for text in said)]
    assert len(named) == count, said
    return f"{len(named)} of {count} named, by function and line"


@promise(
    "An asyncio object of another loop is a clear error, and nothing hangs",
    unit="requests in each lane",
    short=20,
    long=2000,
)
def wrong_loop(count: int) -> str:
    app = WebServer("tests.wrong_loop")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.logger.disabled = True
    foreign = asyncio.new_event_loop()
    errors: list[str] = []

    @app.errorhandler(RuntimeError)
    def handle(error: RuntimeError) -> tuple[str, int]:
        errors.append(str(error))
        return "wrong loop", 500

    async def wait_for_foreign() -> str:
        await foreign.create_future()
        return "never"

    app.add_url_rule("/async", view_func=wait_for_foreign)
    app.add_url_rule("/sync", view_func=lambda: app.async_to_sync(wait_for_foreign)(), endpoint="sync")
    try:
        with served(app, log_config=None) as url, httpx.Client(base_url=url, timeout=30) as client:
            for _ in range(count):
                for path in ("/sync", "/async"):
                    assert client.get(path).text == "wrong loop"
    finally:
        foreign.close()
    assert len(errors) == 2 * count
    assert all("attached to a different loop" in error for error in errors), errors
    return f"{len(errors):,} errors, each of which says that the future is attached to a different loop"


@promise(
    "A clock that jumps: no stale entry, no lost session that Flask would keep",
    unit="jumps each way",
    short=3,
    long=200,
)
def clock(count: int) -> str:
    seen = 0
    with tempfile.TemporaryDirectory() as folder:
        for cache in (SimpleCache(timeout=10), FileSystemCache(folder, timeout=10)):
            seen += _jump(cache, count)
    return f"{seen} answers, each computed anew after a jump and cached until the next; sessions as in Flask"


def _jump(cache: Any, count: int) -> int:
    app, plain = WebServer("tests.clock", cache=cache), flask.Flask("tests.clock")
    numbers = itertools.count(1)
    for each in (app, plain):
        each.secret_key = "only for tests"

        @each.get("/visits")
        def visits() -> str:
            flask.session.permanent = True
            flask.session["visits"] = flask.session.get("visits", 0) + 1
            return str(flask.session["visits"])

    app.add_url_rule("/sync", view_func=app.cache()(lambda: str(next(numbers))), endpoint="sync")

    @app.get("/async")
    @app.cache()
    async def awaited() -> str:
        return str(next(numbers))

    client, beside = app.test_client(), plain.test_client()
    before: dict[str, set[str]] = {"/sync": set(), "/async": set()}
    for number in range(count):
        for jump in (timedelta(days=1), timedelta(0), timedelta(days=-1), timedelta(0), timedelta(days=40)):
            with time_machine.travel(_real() + jump.total_seconds() + 0.01 * number, tick=True):
                for path, texts in before.items():
                    text = client.get(path).text
                    assert text not in texts, f"an entry from before the jump, {jump}"
                    assert client.get(path).text == text
                    texts.add(text)
                assert client.get("/visits").text == beside.get("/visits").text
    return sum(map(len, before.values()))


def _real() -> float:
    return time.clock_gettime(time.CLOCK_REALTIME)
