"""The bound on waiting requests, and the time that a request may take."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aeros_compat import WebServer, request_timeout

from ..servers import served, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def build(gate: threading.Event, **settings: Any) -> WebServer:
    app = WebServer("tests.limits", worker_threads=1, **settings)
    app.add_url_rule("/wait", "wait", lambda: str(gate.wait(30)))
    app.add_url_rule("/quick", "quick", lambda: "quick")

    async def health() -> str:
        return "well"

    app.add_url_rule("/health", "health", health)
    return app


def test_one_too_many_is_refused_at_once(gate: threading.Event) -> None:
    app = build(gate, waiting_per_thread=3)
    with served(app) as url, ThreadPoolExecutor(8) as pool:
        held = [pool.submit(httpx.get, f"{url}/wait", timeout=30)]
        wait_for(lambda: app.threads.busy == 1)
        held += [pool.submit(httpx.get, f"{url}/wait", timeout=30) for _ in range(3)]
        wait_for(lambda: app.threads.waiting == 3)
        refused = httpx.get(f"{url}/quick", timeout=30)
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "1"
        assert httpx.get(f"{url}/health", timeout=30).text == "well"
        gate.set()
        assert [future.result().status_code for future in held] == [200] * 4
        assert httpx.get(f"{url}/quick", timeout=30).text == "quick"


def test_no_bound(gate: threading.Event) -> None:
    app = build(gate, waiting_per_thread=None)
    with served(app) as url, ThreadPoolExecutor(8) as pool:
        held = [pool.submit(httpx.get, f"{url}/wait", timeout=30) for _ in range(6)]
        wait_for(lambda: app.threads.waiting == 5)
        gate.set()
        assert [future.result().status_code for future in held] == [200] * 6


def test_a_sync_view_whose_time_is_over(gate: threading.Event, caplog: pytest.LogCaptureFixture) -> None:
    torn_down: list[str] = []
    app = build(gate, request_timeout=2)
    app.teardown_request(lambda error: torn_down.append("torn down"))
    with served(app) as url, caplog.at_level(logging.ERROR, app.name):
        answer = httpx.get(f"{url}/wait", timeout=30)
        assert answer.status_code == 504
        assert "took more than 2 s" in caplog.text
        assert "gate.wait(30)" in caplog.text  # the stack, at the line of the view
        assert "still at work" in caplog.text
        assert app.lane_stats().threads.overdue == 1
        assert torn_down == []
        gate.set()
        wait_for(lambda: torn_down == ["torn down"])
        wait_for(lambda: app.lane_stats().threads.overdue == 0)
        assert httpx.get(f"{url}/quick", timeout=30).text == "quick"


@pytest.mark.parametrize("hook", ["no hook", "sync hook", "async hook"])
def test_an_async_view_whose_time_is_over_is_cancelled(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    app = WebServer("tests.limits")

    @app.get("/")
    @request_timeout(2)
    async def view() -> str:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return "never"

    async def async_teardown(error: BaseException | None) -> None:
        seen.append(type(error).__name__)

    if hook == "sync hook":
        app.teardown_request(lambda error: seen.append(type(error).__name__))
    elif hook == "async hook":
        app.teardown_request(async_teardown)
    with served(app) as url, caplog.at_level(logging.ERROR, app.name):
        assert httpx.get(url, timeout=30).status_code == 504
        wait_for(lambda: len(seen) == (1 if hook == "no hook" else 2))
    assert seen == ["cancelled", *([] if hook == "no hook" else ["CancelledError"])]
    assert "It has been cancelled" in caplog.text
    assert app.threads.leases == 0


def test_a_hook_that_hangs_does_not_hold_the_answer(gate: threading.Event) -> None:
    app = build(gate, request_timeout=0.2)

    @app.before_request
    def hang() -> None:
        gate.wait(30)

    with served(app) as url:
        assert httpx.get(f"{url}/health", timeout=20).status_code == 504
        gate.set()
        wait_for(lambda: app.threads.leases == 0)
        assert app.overdue == set()


def test_a_view_has_its_own_limit_or_none(gate: threading.Event) -> None:
    app = build(gate, request_timeout=0.05)

    @app.get("/long")
    @request_timeout(None)
    def long() -> str:
        time.sleep(0.3)
        return "done"

    with served(app) as url:
        assert httpx.get(f"{url}/long", timeout=30).text == "done"


def test_a_stream_that_has_begun_goes_on(gate: threading.Event) -> None:
    app = build(gate, request_timeout=2)

    @app.get("/stream")
    def stream() -> Iterator[str]:
        for _ in range(3):
            yield "piece "
            time.sleep(1.2)

    with served(app) as url:
        assert httpx.get(f"{url}/stream", timeout=30).text == "piece " * 3


@pytest.mark.parametrize("seconds", [0, -1, True, "5"])
def test_limits_of_time_that_cannot_be(seconds: Any) -> None:
    with pytest.raises(ValueError, match="number of seconds"):
        WebServer("app", request_timeout=seconds)
    with pytest.raises(ValueError, match="number of seconds"):
        request_timeout(seconds)


@pytest.mark.parametrize("number", [0, -1, True, 1.5])
def test_bounds_that_cannot_be(number: Any) -> None:
    with pytest.raises(ValueError, match="number of requests"):
        WebServer("app", waiting_per_thread=number)
