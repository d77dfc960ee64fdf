"""What the page says is to be converted first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx

from aeros_compat import WebServer
from aeros_compat.watching.advice import advice_for

from ..servers import served, wait_for
from .test_lane_stats import sync_decorator

if TYPE_CHECKING:
    from aeros_compat.watching.advice import Advice


def advice_after(app: WebServer, *paths: str) -> Advice:
    with served(app) as url, httpx.Client(base_url=url) as client:
        for path in paths:
            client.get(path)
        wait_for(lambda: sum(route.requests for route in app.lane_stats().routes) == len(paths))
        return advice_for(app.lane_stats())


def application() -> WebServer:
    app = WebServer("tests.advice", watch=True)

    @app.get("/long")
    def long() -> str:
        time.sleep(0.3)
        return "ok"

    @app.get("/short")
    def short() -> str:
        return "ok"

    @app.get("/async")
    async def in_async_lane() -> str:
        time.sleep(0.5)
        return "ok"

    @app.get("/decorated")
    @sync_decorator
    async def decorated() -> Any:
        return "ok"

    return app


def test_the_view_that_holds_threads_for_the_longest_is_first() -> None:
    advice = advice_after(application(), "/short", "/long", "/async", "/decorated")
    assert advice.candidates[0].route.rule == "/long"
    assert advice.candidates[0].share > 0.5
    assert "async def" in advice.candidates[0].advice
    assert "/async" not in [candidate.route.rule for candidate in advice.candidates]
    (decorated,) = [candidate for candidate in advice.candidates if candidate.route.rule == "/decorated"]
    assert "sync_decorator" in decorated.advice


def test_nothing_to_convert() -> None:
    assert advice_after(application(), "/async").candidates == ()
