"""Single flight across processes: uvicorn with two workers, and Redis."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import redis

from ..servers import free_port, process, wait_for
from .test_single_flight import ask_all, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..redis_server import RedisServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(redis_of_test: RedisServer) -> Iterator[str]:
    port = free_port()
    arguments = ("uvicorn", "tests.caching.two_processes:app", "--workers", "2", "--port", str(port))
    env = {**os.environ, "TESTS_REDIS_PORT": str(redis_of_test.port)}
    with process(*arguments, "--log-level", "warning", port=port, cwd=ROOT, env=env) as url:
        wait_for(lambda: len(pids(url)) == 2)
        yield url


def pids(url: str) -> set[str]:
    """The processes that answer."""

    async def ask() -> set[str]:
        async with httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0)) as client:
            answers = await asyncio.gather(*(client.get(f"{url}/pid") for _ in range(10)), return_exceptions=True)
            return {answer.text for answer in answers if isinstance(answer, httpx.Response)}

    return asyncio.run(ask())


def ask_both(url: str, path: str, count: int) -> list[httpx.Response]:
    """``count`` requests at once, on connections of which each process has some: one that is busy may accept none."""

    async def ask() -> list[httpx.Response]:
        while True:
            async with AsyncExitStack() as stack:
                # A client for each: one client for all chooses by itself on which connections it asks.
                clients = [
                    await stack.enter_async_context(httpx.AsyncClient(verify=False, timeout=30)) for _ in range(count)
                ]
                known = await asyncio.gather(*(client.get(f"{url}/pid") for client in clients))
                if len({answer.text for answer in known}) == 2:
                    return await asyncio.gather(*(client.get(f"{url}{path}") for client in clients))

    return asyncio.run(ask())


@pytest.mark.parametrize("view", ["sync", "async"])
def test_100_clients_and_two_processes_compute_once(url: str, redis_of_test: RedisServer, view: str) -> None:
    with redis.Redis(port=redis_of_test.port) as counters:
        for wanted in (1, 2):
            answers = ask_both(url, f"/{view}", 100)
            assert statuses(answers) == [200] * 100
            assert {answer.text for answer in answers} == {str(wanted)}
            assert len({answer.headers["X-Process"] for answer in answers}) == 2
            assert counters.get(f"computed:{view}") == str(wanted).encode()
            for key in counters.scan_iter("aeros_compat:response:*"):
                counters.delete(key)  # expired


def test_a_process_that_dies_strands_nobody(url: str, redis_of_test: RedisServer) -> None:
    """Its lock runs out; the requests of the other process wait for that, and then one computes."""
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{url}/dies", timeout=20)
    answers = ask_all(url, *["/dies"] * 10)
    assert [answer.text for answer in answers] == ["computed"] * 10
    with redis.Redis(port=redis_of_test.port) as counters:
        assert int(counters.get("computed:dies") or 0) == 2
