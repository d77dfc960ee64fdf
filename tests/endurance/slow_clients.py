"""Clients that send or read a byte a second take nothing from the others."""

from __future__ import annotations

import asyncio
import itertools
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from aeros_compat.webserver import WORKER_THREADS

from ..gateway.memory import ROOT
from ..servers import free_port, process
from .client import Connection, request
from .promise import promise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: What a slow client sends at first. It goes on with a byte a second, or reads one.
SENDING = [
    b"POST /sync/up HTTP/1.1\r\nHost: x\r\nX-Slow",
    b"POST /sync/up HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
    b"POST /async/up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n",
]
READING = [
    b"GET /sync/down?size=90000000 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /async/down?size=90000000 HTTP/1.1\r\nHost: x\r\n\r\n",
]


@asynccontextmanager
async def _slow(url: str, count: int) -> AsyncIterator[None]:
    """``count`` slow clients, of all kinds."""
    kinds = itertools.cycle([*SENDING, *READING])
    tasks = [asyncio.create_task(_trickle(url, kind)) for kind in itertools.islice(kinds, count)]
    await asyncio.sleep(2)
    yield
    for task in tasks:
        assert not task.done(), task  # the server has not thrown it out
        task.cancel()
    await asyncio.wait(tasks)


async def _trickle(url: str, data: bytes) -> None:
    loop, address = asyncio.get_running_loop(), urlsplit(url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.setblocking(False)
        await loop.sock_connect(connection, (address.hostname, address.port))
        await loop.sock_sendall(connection, data)
        while True:
            await asyncio.sleep(1)
            if data in READING:
                assert await loop.sock_recv(connection, 1)
            else:
                await loop.sock_sendall(connection, b"x")


async def _meet(url: str, rounds: int) -> None:
    """As many views as there are threads, each of which waits for all the others."""
    connections = [Connection(url) for _ in range(WORKER_THREADS)]
    for _ in range(rounds):
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(connection.ask(request("GET", "/meet")) for connection in connections))
        assert {answer.text for answer in answers} == {"met"}
    for connection in connections:
        connection.close()


@promise(
    "Slow clients, sending or reading, take no thread from others",
    unit="connections of a byte a second",
    short=100,
    long=500,
)
def slow_clients(count: int) -> str:
    port = free_port()
    command = ("uvicorn", "tests.endurance.application:app", "--port", str(port), "--log-level", "warning")

    async def scenario() -> None:
        async with _slow(url, count):
            await _meet(url, count)

    with process(*command, port=port, cwd=ROOT) as url:
        asyncio.run(scenario())
        threads = httpx.get(f"{url}/counts", timeout=60).json()["threads"]
    return (
        f"{WORKER_THREADS} of {WORKER_THREADS} threads at once, {count} times meanwhile; {threads} threads afterwards"
    )
