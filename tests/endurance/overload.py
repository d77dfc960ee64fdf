"""More requests than the threads can answer: some are refused at once, and it is over when the queue is empty."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING

from aeros_compat import WebServer

from ..servers import served
from .client import Connection, request
from .promise import promise

if TYPE_CHECKING:
    from collections.abc import Callable

VIEW = request("GET", "/view")
HEALTH = request("GET", "/health")


def build() -> WebServer:
    app = WebServer("tests.overload", compression=None)

    @app.get("/view")
    def view() -> str:
        time.sleep(0.005)
        return "done"

    @app.get("/health")
    async def health() -> str:
        return "well"

    return app


class Crowd:
    """Clients that ask for as long as they are told to, whatever the answer."""

    def __init__(self, url: str) -> None:
        self.statuses: Counter[int] = Counter()
        self._url = url

    async def ask(self, clients: int, until: Callable[[], bool]) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._client(until))

    async def _client(self, until: Callable[[], bool]) -> None:
        connection = Connection(self._url)
        while not until():
            answer = await connection.ask(VIEW)
            assert answer.status == 200 or (answer.status, answer.headers["retry-after"]) == (503, "1"), answer
            self.statuses[answer.status] += 1
            if answer.status == 503:
                await asyncio.sleep(0.05)
        connection.close()

    async def healthy(self, times: int) -> None:
        connection = Connection(self._url)
        for _ in range(times):
            assert (await connection.ask(HEALTH)).text == "well"
        connection.close()


class SlowRecoveryError(AssertionError):
    """After the load the queue took longer than the same work without a crowd: seconds of both, and requests."""


async def _overload(app: WebServer, url: str, clients: int) -> str:
    crowd, ending = Crowd(url), asyncio.Event()
    load = asyncio.create_task(crowd.ask(clients, ending.is_set))
    while crowd.statuses[503] < clients:
        await asyncio.sleep(0.01)
        assert not load.done()
    await crowd.healthy(20)
    refused, left = crowd.statuses[503], app.threads.waiting
    assert left <= (app.waiting_per_thread or 0) * app.worker_threads
    ending.set()
    began = time.monotonic()
    await load
    connection = Connection(url)
    while (answer := await connection.ask(VIEW)).status != 200:
        assert answer.status == 503
    connection.close()
    recovery = time.monotonic() - began
    # The same work without a crowd: as many clients as there are threads.
    before = crowd.statuses[200]
    began = time.monotonic()
    await crowd.ask(app.worker_threads, lambda: crowd.statuses[200] >= before + left)
    calm = time.monotonic() - began
    if recovery >= 2 * calm + 1:
        raise SlowRecoveryError(recovery, calm, left)
    return (
        f"{refused:,} refused at once, 20 of 20 health checks answered; {left} that waited were done {recovery:.2f} s"
        f" after the load, {calm:.2f} s without a crowd"
    )


@promise(
    "Overload: one too many is refused, health checks are answered, it is over with the queue",
    unit="clients at once",
    short=1000,
    long=2000,
)
def overload(count: int) -> str:
    app = build()
    with served(app, backlog=count) as url:
        for _ in range(2):
            # The machine may stop in one of the two times that are compared.
            with contextlib.suppress(SlowRecoveryError):
                return asyncio.run(_overload(app, url, count))
        return asyncio.run(_overload(app, url, count))
