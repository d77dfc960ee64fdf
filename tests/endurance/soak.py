"""A server holds after many requests what it held after a few: memory, threads, descriptors, tasks, contexts."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from typing import Any

import httpx

from aeros_compat.lanes.threads import WARM_THREADS
from aeros_compat.webserver import WORKER_THREADS

from ..gateway.memory import END, PART, ROOT
from ..servers import free_port, process, wait_for
from .client import Connection, UnansweredError, request
from .promise import promise

CLIENTS = 48
GIVEN_BACK = ("tasks", "generators", "contexts", "descriptors")
FORM = {"Content_Type": "multipart/form-data; boundary=b"}

#: A request for each lane (``%s``), the status of its answer, and how often it comes.
MIX = [
    ("GET", "/%s/empty", b"", 204, 30),
    ("POST", "/%s/echo", b"x" * 100, 200, 20),
    ("POST", "/%s/up", b"x" * 30_000, 200, 10),
    ("POST", "/%s/up", b"x" * 1_500_000, 200, 1),
    ("POST", "/%s/file", PART + b"x" * 30_000 + END, 200, 3),
    ("GET", "/%s/down?size=200000", b"", 200, 8),
    ("GET", "/%s/error", b"", 418, 8),
    ("GET", "/%s/nowhere", b"", 404, 5),
    ("DELETE", "/%s/empty", b"", 405, 3),
    ("GET", "/%s/broken", b"", None, 2),
]

#: What clients send before they leave, and how much of the answer they read first.
LEAVING = [
    (b"POST /%s/up HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", 0),
    (b"POST /%s/up HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 1_200_000, 0),
    (b"GET /%s/slow HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    (b"GET /%s/down?size=90000000 HTTP/1.1\r\nHost: x\r\n\r\n", 100_000),
]


class _Client:
    def __init__(self, url: str, name: int) -> None:
        self._connection = Connection(url)
        self._chance = random.Random(name)

    async def run(self, numbers: itertools.count[int], last: int) -> None:
        weights = [entry[-1] for entry in MIX]
        while next(numbers) < last:
            lane = self._chance.choice((b"sync", b"async"))
            if self._chance.random() < 0.05:
                await self._leave(*self._chance.choice(LEAVING), lane)
            else:
                method, path, body, status, _ = self._chance.choices(MIX, weights)[0]
                await self._ask(request(method, path % lane.decode(), body, **(FORM if "file" in path else {})), status)
        self._connection.close()

    async def _ask(self, asked: bytes, status: int | None) -> None:
        try:
            answer = await self._connection.ask(asked)
        except UnansweredError:
            assert status is None, asked[:60]
        else:
            assert answer.status == status, (asked[:60], answer)

    async def _leave(self, data: bytes, read: int, lane: bytes) -> None:
        await self._connection.send(data.replace(b"%s", lane))
        if read:
            await self._connection.read(read)
        self._connection.close()


async def _ask_all(url: str, count: int) -> None:
    numbers = itertools.count()
    async with asyncio.TaskGroup() as group:
        for name in range(CLIENTS):
            group.create_task(_Client(url, name).run(numbers, count))


@promise(
    "Nothing grows: memory within 5 %, what requests hold is given back", unit="requests", short=4000, long=300_000
)
def soak(count: int) -> str:
    port = free_port()
    options = ("--port", str(port), "--log-level", "critical", "--timeout-keep-alive", "600")
    with process("uvicorn", "tests.endurance.application:app", *options, port=port, cwd=ROOT) as url:

        def counts() -> Any:
            return httpx.get(f"{url}/counts", timeout=60).json() | httpx.get(f"{url}/contexts", timeout=60).json()

        def settled() -> Any:
            """The counts once nothing is open any more: connections that were left are noticed a little later."""
            with contextlib.suppress(AssertionError):
                wait_for(lambda: all(counts()[name] <= start[name] for name in GIVEN_BACK))
            return counts()

        counts()
        start = counts()
        warm = max(count // 10, 2000)  # what stays once each path has been taken
        asyncio.run(_ask_all(url, warm))
        late = settled()
        for _ in range(3):
            early = late
            asyncio.run(_ask_all(url, count - warm))
            late = settled()
            growth = late["rss"] / early["rss"] - 1
            if growth < 0.05:
                break  # Else again: the allocator may keep a little more, once; a leak goes on.
    for name in GIVEN_BACK:
        assert late[name] <= start[name], (name, start, late)
    # Not exactly: a timer of the loop or a thread that ends has one for a moment. A leak would be thousands.
    assert late["variables"] <= start["variables"] + 5, (start, late)
    assert late["threads"] <= WORKER_THREADS + WARM_THREADS + 2, late
    assert growth < 0.05, (early, late)
    return (
        f"memory {late['rss'] / 2**20:.0f} MiB, {growth:+.1%} since the first {warm:,}; {late['tasks']} tasks,"
        f" {late['descriptors']} descriptors, {late['contexts']} contexts as at the start; {late['threads']} threads"
    )
