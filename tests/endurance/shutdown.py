"""A server that ends, or changes its workers, answers every request that it has been sent."""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..gateway.memory import ROOT
from ..programs import Program, running
from ..servers import free_port, wait_for
from .client import Answer, Connection, UnansweredError, request
from .promise import promise

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = 24

#: Seconds after which a client takes an idle connection for one that the server may be closing: it then asks again if
#: it gets no answer (RFC 9112 section 9.3.1). Far less than the server waits (``LAST_REQUESTS``).
IDLE = 0.2

#: What the clients ask for, and how long the body of the answer must be.
REQUESTS = [
    (request("GET", "/sync/slow"), None),
    (request("GET", "/async/slow"), None),
    (request("GET", "/sync/empty"), 0),
    (request("GET", "/async/empty"), 0),
    (request("POST", "/sync/up", b"x" * 50_000), 5),
    (request("POST", "/async/up", b"x" * 50_000), 5),
    (request("GET", "/sync/down?size=300000&pause=0.01", Accept_Encoding="identity"), 300_000),
    (request("GET", "/async/down?size=300000&pause=0.01", Accept_Encoding="identity"), 300_000),
]


class Load:
    """Clients on keep-alive and on new connections, on a thread of their own, until nobody listens any more."""

    def __init__(self, url: str) -> None:
        self.answered = 0
        self.refused = 0
        self.asked_again = 0
        self.failed: list[str] = []
        self.ending = threading.Event()
        self._url = url
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(random.Random(number)) for number in range(CLIENTS)))

    async def _client(self, chance: random.Random) -> None:
        connection = Connection(self._url)
        keeps = chance.random() < 0.7
        while not self.ending.is_set():
            asked, size = chance.choice(REQUESTS)
            try:
                await connection.open()
                async with asyncio.timeout(30):
                    self._look_at(await self._ask(connection, asked), size)
            except ConnectionError:
                self.refused += 1
                await asyncio.sleep(0.05)
            except (UnansweredError, TimeoutError) as error:
                self.failed.append(str(error) or "no answer within 30 seconds")
            if not keeps:
                connection.close()
            await asyncio.sleep(chance.choice((0, 0, 0.005, 0.03)))
        connection.close()

    async def _ask(self, connection: Connection, asked: bytes) -> Answer:
        idle = connection.idle
        try:
            return await connection.ask(asked)
        except UnansweredError:
            if idle < IDLE:
                raise
            self.asked_again += 1
            return await connection.ask(asked)

    def _look_at(self, answer: Answer, size: int | None) -> None:
        if answer.status not in (200, 204) or (size is not None and len(answer.body) != size):
            self.failed.append(f"{answer.status} with {len(answer.body)} bytes")
        self.answered += 1


@contextmanager
def serving(*options: str) -> Iterator[Program]:
    port = free_port()
    command = ("-m", "aeros_compat", "run", "tests.endurance.application:app", "--port", str(port), "--no-access-log")
    with (
        tempfile.TemporaryDirectory() as folder,
        running(*command, *options, port=port, cwd=Path(folder), PYTHONPATH=str(ROOT)) as server,
    ):
        yield server
        assert "Traceback" not in server.log, server.log


def _end_under_load(end: str, *options: str) -> Load:
    """Start, ask, end, and look."""
    with serving(*options) as server, Load(server.url) as load:
        wait_for(lambda: load.answered > 3 * CLIENTS)
        if end == "stop":
            server.get_once("/stop")  # the answer comes, too
        else:
            server.send(signal.SIGTERM)
        assert server.process.wait(30) == 0, server.log
        load.ending.set()
        assert "after serving" in server.log
    assert not load.failed, load.failed
    return load


def _total(count: int, end: str, *options: str) -> str:
    return f"{_answers(*(_end_under_load(end, *options) for _ in range(count)))}; exit code 0"


def _answers(*loads: Load) -> str:
    answered = sum(load.answered for load in loads)
    again = sum(load.asked_again for load in loads)
    return f"{answered:,} requests of {CLIENTS} clients, all answered, {again} asked again on idle connections"


@promise("SIGTERM under load: no request that was sent fails", unit="ends of a server", short=1, long=20)
def sigterm(count: int) -> str:
    return _total(count, "SIGTERM")


@promise("app.stop() under load: no request that was sent fails", unit="ends of a server", short=1, long=20)
def stop(count: int) -> str:
    return _total(count, "stop")


@promise("SIGTERM with workers: no request that was sent fails", unit="ends of 2 workers", short=1, long=20)
def sigterm_of_workers(count: int) -> str:
    return _total(count, "SIGTERM", "--workers", "2")


@promise("Rolling restart (SIGHUP) under load: no request fails", unit="restarts of 2 workers", short=1, long=10)
def restart(count: int) -> str:
    with serving("--workers", "2") as server, Load(server.url) as load:
        wait_for(lambda: load.answered > 3 * CLIENTS)
        for number in range(1, count + 1):
            server.send(signal.SIGHUP)
            wait_for(lambda number=number: server.log.count("after serving") == 2 * number, timeout=60)  # type: ignore[misc]
        before = load.answered
        wait_for(lambda: load.answered > before + CLIENTS)
        load.ending.set()
    assert not load.failed, load.failed
    assert load.refused == 0
    return f"{_answers(load)}, none refused"


@promise("Worker recycling (max_requests): no request fails", unit="workers replaced", short=2, long=20)
def recycling(count: int) -> str:
    with serving("--workers", "2", "--limit-max-requests", "150") as server, Load(server.url) as load:
        wait_for(lambda: server.log.count("after serving") >= count, timeout=60 + 10 * count)
        before = load.answered
        wait_for(lambda: load.answered > before + CLIENTS)
        load.ending.set()
    assert not load.failed, load.failed
    assert load.refused == 0
    return f"{_answers(load)}, none refused"
