"""Of many requests for one entry, one computes it: threads, tasks, failures, and clients that leave."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest

from aeros_compat import FileSystemCache, SimpleCache, WebServer
from aeros_compat.caching import call, flight
from aeros_compat.caching.flight import Ended, Flights, Place
from aeros_compat.caching.record import Record
from aeros_compat.upstream import redis_of

from ..asgi import http_scope
from ..servers import served, wait_for
from .conftest import application

if TYPE_CHECKING:
    from pathlib import Path

    from aeros_compat.caching.store import Lookup


@pytest.fixture
def app() -> WebServer:
    app = application(SimpleCache(timeout=300, threshold=100))
    app.testing = False
    return app


def ask_all(url: str, *paths: str, timeout: float = 30) -> Any:
    """All paths at once, each on a connection of its own."""

    async def ask() -> Any:
        limits = httpx.Limits(max_connections=len(paths))
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=timeout) as client:
            return await asyncio.gather(*(client.get(path) for path in paths), return_exceptions=True)

    return asyncio.run(ask())


def statuses(answers: Any) -> list[int]:
    return [answer.status_code for answer in answers]


def add_both(app: WebServer, calls: list[str], seconds: float = 0.5, **options: Any) -> None:
    """A sync and an async view of the same entry."""
    cached = app.cache(key_prefix="both", **options)

    @app.route("/sync")
    @cached
    def sync() -> str:
        calls.append("sync")
        time.sleep(seconds)
        return "computed"

    @app.route("/async")
    @cached
    async def awaited() -> str:
        calls.append("async")
        await asyncio.sleep(seconds)
        return "computed"


@pytest.mark.parametrize("paths", [["/sync"] * 100, ["/async"] * 100, ["/sync", "/async"] * 50])
def test_100_requests_compute_once(cached_app: WebServer, paths: list[str]) -> None:
    """Many more than there are worker threads, also where the view that computes is async and stores on a thread."""
    calls: list[str] = []
    add_both(cached_app, calls)
    with served(cached_app) as url:
        answers = ask_all(url, *paths)
    assert statuses(answers) == [200] * 100
    assert {answer.text for answer in answers} == {"computed"}
    assert len(calls) == 1
    assert cached_app.cache_stats().misses == 1


def test_followers_that_hold_every_worker_do_not_hold_up_the_leader(tmp_path: Path) -> None:
    """The leader is async; it calls sync code, and stores in files, while all workers wait for it."""
    app = WebServer("tests.caching.small", cache=FileSystemCache(tmp_path), worker_threads=2)
    calls: list[str] = []
    cached = app.cache(key_prefix="both")

    @app.route("/async")
    @cached
    async def awaited() -> str:
        calls.append("async")
        await asyncio.sleep(0.3)
        answer: str = await app.core.sync_to_async(lambda: "computed")()
        return answer

    @app.route("/sync")
    @cached
    def sync() -> str:
        calls.append("sync")
        return "computed"

    with served(app) as url, ThreadPoolExecutor(2) as pool:
        first = pool.submit(httpx.get, f"{url}/async", timeout=30)
        wait_for(lambda: calls == ["async"])
        began = time.monotonic()
        answers = ask_all(url, *["/sync"] * 10)
        assert first.result().text == "computed"
        assert {answer.text for answer in answers} == {"computed"}
        assert time.monotonic() - began < 5
    assert calls == ["async"]


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_failure_of_the_leader_is_its_own(app: WebServer, path: str) -> None:
    calls: list[int] = []

    def work() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("the first one fails")
        return "computed"

    @app.route("/sync")
    @app.cache()
    def sync() -> str:
        time.sleep(0.3)
        return work()

    @app.route("/async")
    @app.cache()
    async def awaited() -> str:
        await asyncio.sleep(0.3)
        return work()

    with served(app) as url:
        answers = ask_all(url, *[path] * 8)
    assert sorted(statuses(answers)) == [200] * 7 + [500]
    assert len(calls) == 2


def test_failures_do_not_take_turns(app: WebServer) -> None:
    @app.route("/")
    @app.cache()
    async def awaited() -> str:
        await asyncio.sleep(0.5)
        raise ValueError("always")

    began = time.monotonic()
    with served(app) as url:
        answers = ask_all(url, *["/"] * 20)
    assert statuses(answers) == [500] * 20
    assert time.monotonic() - began < 8, "they took turns"


def test_what_is_not_shared_does_not_take_turns(app: WebServer) -> None:
    inside = [0]

    @app.route("/")
    @app.cache()
    async def awaited() -> Any:
        inside.append(inside[-1] + 1)
        await asyncio.sleep(0.3)
        inside.append(inside[-1] - 1)
        return "personal", {"Set-Cookie": "a=b"}

    with served(app) as url:
        ask_all(url, *["/"] * 5)
        inside[:] = [0]
        assert statuses(ask_all(url, *["/"] * 20)) == [200] * 20
        assert max(inside) > 1, "they waited for one another"


def test_client_of_the_leader_leaves(app: WebServer) -> None:
    """uvicorn lets the request go on; the others get what it computes."""
    calls: list[str] = []

    @app.route("/")
    @app.cache()
    async def awaited() -> Any:
        calls.append("call")
        await asyncio.sleep(1.0)
        return f"computed by {len(calls)}"

    async def scenario(url: str) -> list[str]:
        async with httpx.AsyncClient(base_url=url, timeout=10) as client:
            leader = asyncio.create_task(client.get("/"))
            while not calls:
                await asyncio.sleep(0.01)
            followers = [asyncio.create_task(client.get("/")) for _ in range(5)]
            await asyncio.sleep(0.2)
            leader.cancel()
            return [(await follower).text for follower in followers]

    with served(app) as url:
        assert asyncio.run(scenario(url)) == ["computed by 1"] * 5


async def ask_directly(app: WebServer, path: str, done: list[Any]) -> None:
    """A request to the ASGI application itself, which can be cancelled, as some servers do when a client leaves."""
    received: list[None] = []

    async def receive() -> Any:
        if received:
            await asyncio.sleep(3600)
        received.append(None)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        done.append(message)

    await app(http_scope(path), receive, send)


def cancel_the_leader(app: WebServer, path: str, calls: list[str]) -> list[str]:
    """The bodies for the last three of five requests, of which the first two are cancelled."""

    async def scenario() -> list[str]:
        tasks = []
        results: list[list[Any]] = []
        for _ in range(5):
            results.append([])
            tasks.append(asyncio.create_task(ask_directly(app, path, results[-1])))
            await asyncio.sleep(0.05)
            while not calls:
                await asyncio.sleep(0.01)
        tasks[0].cancel()
        tasks[1].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes[:2]] == [asyncio.CancelledError] * 2
        return [result[1]["body"].decode() for result in results[2:]]

    return asyncio.run(scenario())


def test_leader_and_next_in_line_are_cancelled(cached_app: WebServer) -> None:
    calls: list[str] = []

    @cached_app.route("/")
    @cached_app.cache()
    async def awaited() -> Any:
        calls.append("call")
        await asyncio.sleep(60 if len(calls) == 1 else 0.1)
        return f"computed by {len(calls)}"

    assert cancel_the_leader(cached_app, "/", calls) == ["computed by 2"] * 3
    assert len(calls) == 2


def test_many_requests_failures_and_cancellations_leave_nothing_behind(
    cached_app: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Each answer is that of its own entry; in the end nobody waits, and no lock is held."""
    cached_app.testing = False
    chance = random.Random(1)
    cached = cached_app.cache(key_prefix=lambda: flask.request.view_args["number"])  # type: ignore[index]

    def end(number: str) -> Any:
        if chance.random() < 0.1:
            raise ValueError("chance")
        return (number, {"Set-Cookie": "a=b"}) if chance.random() < 0.1 else number

    @cached_app.route("/sync/<number>")
    @cached
    def sync(number: str) -> Any:
        time.sleep(chance.random() * 0.01)
        return end(number)

    @cached_app.route("/async/<number>")
    @cached
    async def awaited(number: str) -> Any:
        await asyncio.sleep(chance.random() * 0.01)
        return end(number)

    async def client() -> None:
        for _ in range(20):
            number = str(chance.randrange(5))
            done: list[Any] = []
            path = f"/{chance.choice(['sync', 'async'])}/{number}"
            task = asyncio.create_task(ask_directly(cached_app, path, done))
            if chance.random() < 0.2:
                await asyncio.sleep(chance.random() * 0.01)
                task.cancel()
            await asyncio.wait([task], timeout=20)
            assert task.done(), "it waits for nobody"
            if not task.cancelled():
                assert done[0]["status"] == 500 or done[1]["body"] == number.encode()
            if chance.random() < 0.1:
                await cached_app.clear_cache()

    async def scenario() -> None:
        await asyncio.gather(*(client() for _ in range(30)))

    asyncio.run(scenario())
    caching = cached_app._caching
    assert caching is not None
    wait_for(lambda: not caching.flights._lines, timeout=5)
    assert cached_app.cache_stats().errors == 0
    assert cached_app.cache_stats().hits > 50
    if (redis := redis_of(caching.store.backend)) is not None:
        wait_for(lambda: not redis[0].keys("*:lock"), timeout=2)


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_waiting_is_bounded(app: WebServer, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(call, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(flight, "WAIT_SECONDS", 0.2)
    release = threading.Event()
    calls: list[str] = []

    @app.route("/sync")
    @app.cache()
    def stuck() -> str:
        calls.append("call")
        if len(calls) == 1:
            release.wait(20)
        return "computed"

    @app.route("/async")
    @app.cache()
    async def stuck_async() -> str:
        calls.append("call")
        while len(calls) == 1 and not release.is_set():
            await asyncio.sleep(0.01)
        return "computed"

    with served(app) as url, ThreadPoolExecutor(1) as pool:
        first = pool.submit(httpx.get, url + path, timeout=30)
        wait_for(lambda: len(calls) == 1)
        began = time.monotonic()
        assert httpx.get(url + path).text == "computed"
        assert 0.15 <= time.monotonic() - began < 10  # the clock of uvloop stands still in a turn of the loop
        release.set()
        assert first.result().text == "computed"


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_a_view_does_not_wait_for_itself(app: WebServer, path: str) -> None:
    """It calls another one of the same key."""
    cached = app.cache(key_prefix="same")

    @cached
    def inner() -> str:
        return "inner"

    @cached
    async def inner_async() -> str:
        return "inner"

    def text(response: Any) -> str:
        return f"outer {app.make_response(response).get_data(as_text=True)}"

    app.route("/sync", endpoint="sync")(cached(lambda: text(inner())))

    @app.route("/async")
    @cached
    async def outer() -> str:
        return text(await inner_async())

    with served(app) as url:
        assert httpx.get(url + path, timeout=10).text == "outer inner"


def test_a_sync_function_that_an_async_view_calls_does_not_wait_on_the_loop(app: WebServer) -> None:
    calls: list[str] = []
    answered = threading.Event()
    cached = app.cache(key_prefix="same")

    @app.route("/leader")
    @cached
    async def leader() -> str:
        calls.append("leader")
        while not answered.is_set():
            await asyncio.sleep(0.01)
        return "leader"

    @cached
    def function() -> str:
        return "function"

    @app.route("/caller")
    async def caller() -> Any:
        return function()

    with served(app) as url, ThreadPoolExecutor(1) as pool:
        first = pool.submit(httpx.get, f"{url}/leader", timeout=10)
        wait_for(lambda: bool(calls))
        assert httpx.get(f"{url}/caller", timeout=10).text == "function"
        answered.set()
        assert first.result().text == "leader"


def test_an_async_view_asks_memory_on_the_loop_and_everything_else_on_threads(cached_app: WebServer, kind: str) -> None:
    threads: list[str] = []
    caching = cached_app._caching
    assert caching is not None
    get = caching.store.get

    def noting(lookup: Lookup) -> Record | None:
        threads.append(threading.current_thread().name)
        return get(lookup)

    caching.store.get = noting  # type: ignore[method-assign]

    @cached_app.route("/")
    @cached_app.cache()
    async def awaited() -> str:
        return "x"

    with served(cached_app) as url:
        httpx.get(url)
        before = threading.active_count()
        httpx.get(url)
        assert threading.active_count() <= before  # those of tests before this one may be ending
    assert cached_app.cache_stats().hits == 1
    assert len(threads) >= 2
    assert {name == "test-uvicorn" for name in threads} == {kind == "simple"}


# The line itself.


def record(body: bytes = b"") -> Record:
    return Record("200 OK", [], body, 0, 0, {}, {})


def test_places_in_line() -> None:
    flights = Flights()
    assert flights.join("key") is Place.FIRST
    waiting: Any = [flights.join("key") for _ in range(3)]
    waiting[0].cancel()
    flights.end("key", Ended.FAILED)
    assert waiting[1].result(0) is Place.FIRST
    assert not waiting[2].done()
    flights.leave("key", waiting[1])  # first, and gone: the next one is
    assert waiting[2].result(0) is Place.FIRST
    flights.end("key", Ended.FAILED)
    assert not flights.is_busy("key")


def test_a_record_is_for_all_and_what_is_not_shared_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    flights = Flights()
    flights.join("key")
    waiting: Any = flights.join("key")
    computed = record()
    flights.end("key", computed)
    assert waiting.result(0) is computed
    flights.join("key")
    waiting = flights.join("key")
    flights.end("key", Ended.NOT_SHARED)
    assert waiting.result(0) is Place.ALONE
    assert flights.join("key") is Place.ALONE
    monkeypatch.setattr(time, "monotonic", lambda: 1e12)
    assert flights.join("key") is Place.FIRST


def test_what_is_not_shared_is_remembered_in_a_bounded_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "NOT_SHARED_KEYS", 3)
    flights = Flights()
    for key in "abcd":
        flights.join(key)
        flights.end(key, Ended.NOT_SHARED)
    assert [flights.join(key) for key in "abcd"] == [Place.FIRST] + [Place.ALONE] * 3
