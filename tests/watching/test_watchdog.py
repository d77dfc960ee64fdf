"""Blocks of a real event loop, seen and named."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from asgiref.sync import sync_to_async

from aeros_compat import WebServer
from aeros_compat.frames import stack_on_loop

from ..servers import ask_until, served, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@pytest.fixture
def app(caplog: pytest.LogCaptureFixture) -> Iterator[WebServer]:
    app = WebServer("tests.blocked", watch=True)

    @app.get("/block")
    async def block() -> str:
        return blocked()

    @app.get("/fine")
    async def fine() -> str:
        await asyncio.sleep(0.3)
        await sync_to_async(time.sleep)(0.3)
        return "ok"

    @app.get("/sync")
    def sync() -> str:
        time.sleep(0.3)
        return "ok"

    with caplog.at_level(logging.WARNING, logger=app.logger.name):
        yield app


def blocked() -> str:
    time.sleep(0.6)
    return "ok"


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "event loop was blocked" in record.getMessage()]


def named_places(app: WebServer) -> list[str]:
    return [block.place.partition(" in ")[0] for block in app.lane_stats().loop.places if block.place]


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_block_is_named(app: WebServer, loop: str, caplog: pytest.LogCaptureFixture) -> None:
    with served(app, loop=loop) as url:
        ask_until(f"{url}/block", lambda: named_places(app) == ["blocked"])
    (block,) = [block for block in app.lane_stats().loop.places if block.place]
    assert 0.5 < block.seconds < 3
    assert block.place.startswith(f"blocked in {__file__}:")
    # From the user's code on: the view, then what it called.
    assert [line.partition(" in ")[2].partition(":")[0] for line in block.stack] == ["block", "blocked"]
    assert block.stack[-1].endswith("time.sleep(0.6)")
    (warning,) = warnings_of(caplog)
    assert f"blocked in {__file__}:" in warning


def test_each_place_is_said_once(app: WebServer, caplog: pytest.LogCaptureFixture) -> None:
    with served(app) as url:
        ask_until(f"{url}/block", lambda: named_places(app) == ["blocked"])
        for _ in range(2):
            before = app.lane_stats().loop.blocks
            httpx.get(f"{url}/block", timeout=60)
            wait_for(lambda before=before: app.lane_stats().loop.blocks > before)  # type: ignore[misc]
    assert named_places(app) == ["blocked"]
    assert len(warnings_of(caplog)) == 1


@pytest.mark.parametrize("path", ["/fine", "/sync"])
def test_what_waits_without_blocking_is_not_named(app: WebServer, path: str) -> None:
    with served(app) as url:
        httpx.get(url + path)
        time.sleep(0.2)
    assert named_places(app) == []


def test_many_short_pieces_have_no_place(app: WebServer) -> None:
    """The loop is late because it has much to do; no single call is to blame."""

    async def short(number: int) -> None:
        time.sleep(0.01)

    @app.get("/many")
    async def many() -> str:
        await asyncio.gather(*(short(number) for number in range(60)))
        return "ok"

    with served(app) as url:
        httpx.get(f"{url}/many")
        wait_for(lambda: app.lane_stats().loop.blocks >= 1)
    assert named_places(app) == []


def test_a_background_task_is_named(app: WebServer) -> None:
    async def in_background() -> None:
        time.sleep(0.5)

    @app.get("/task")
    async def start() -> str:
        app.add_background_task(in_background)
        return "ok"

    with served(app) as url:
        ask_until(f"{url}/task", lambda: named_places(app) == ["in_background"])


def test_the_delay_is_in_the_samples(app: WebServer) -> None:
    with served(app) as url:
        httpx.get(f"{url}/block")
        wait_for(lambda: any(sample.loop_delay > 0.3 for sample in app.lane_stats().samples))


def test_a_library_that_blocks_leads_to_the_line_of_the_user(app: WebServer) -> None:
    other = WebServer("tests.other")

    @other.get("/slow")
    def slow() -> str:
        time.sleep(0.5)
        return "slow"

    @app.get("/library")
    async def uses_library() -> str:
        return httpx.get(f"{url}/slow").text

    with served(other) as url, served(app) as own:
        assert ask_until(f"{own}/library", lambda: named_places(app) == ["uses_library"]) == "slow"


def test_a_loop_that_waits_for_something_to_do_is_nobodys_block() -> None:
    """On a machine that has no time for its thread, the loop looks blocked where it only waits."""
    loop = asyncio.SelectorEventLoop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        wait_for(lambda: innermost(thread).f_code.co_name == "select")
        assert stack_on_loop(innermost(thread)) == []
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def innermost(thread: threading.Thread) -> FrameType:
    return sys._current_frames()[thread.ident or 0]
