"""No request sees anything of another: looked at by the server, at every step of every request."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any

import httpx
from websockets.asyncio.client import connect

from ..gateway.memory import ROOT
from ..servers import free_port, process, wait_for
from .client import Connection, request
from .promise import promise

AT_A_TIME = 256
LANES = ("sync", "async", "loop")

#: Sizes of bodies: one that comes with its head, one that is collected, one that streams.
SIZES = (0, 0, 0, 0, 0, 0, 30_000, 1_500_000)


class _Client:
    """One user: a keep-alive connection, a cookie, and requests that say whose they are."""

    def __init__(self, url: str, name: int) -> None:
        self._url = url
        self._name = name
        self._connection = Connection(url)
        self._cookie = ""
        self._chance = random.Random(name)

    async def run(self, numbers: itertools.count[int], last: int) -> None:
        for number in numbers:
            if number >= last:
                break
            if self._chance.random() < 0.03:
                await self._open_websocket(str(number))
            else:
                await self._ask(str(number))
        self._connection.close()

    async def _ask(self, number: str) -> None:
        kind = self._chance.choice(("echo", "echo", "stream"))
        path = f"/{self._chance.choice(LANES)}/{kind}?n={number}&client={self._name}"
        head = {"X-Number": number, "Cookie": self._cookie}
        if kind == "echo":
            body = number.encode() + b" " * (20 + self._chance.choice(SIZES))
            answer = await self._connection.ask(request("POST", path, body, **head))
            assert answer.text.rstrip() == number, answer
        else:
            answer = await self._connection.ask(request("GET", path, **head))
            assert answer.text == f"{number};" * 3, answer
        assert answer.status == 200
        self._cookie = answer.headers.get("set-cookie", self._cookie).partition(";")[0]

    async def _open_websocket(self, number: str) -> None:
        async with connect(f"{self._url.replace('http', 'ws')}/ws?n={number}", open_timeout=60) as websocket:
            for _ in range(3):
                await websocket.send(number)
                assert await websocket.recv() == number


async def _ask_all(url: str, count: int) -> None:
    numbers = itertools.count()
    async with asyncio.TaskGroup() as group:
        for name in range(min(AT_A_TIME, count)):
            group.create_task(_Client(url, name).run(numbers, count))


@promise(
    "No request sees another's g, session, flashes, request, variables, thread",
    unit="requests",
    short=1500,
    long=20_000,
)
def isolation(count: int) -> str:
    port = free_port()
    options = ("--port", str(port), "--log-level", "warning", "--timeout-keep-alive", "600")
    command = ("uvicorn", "tests.endurance.guarded:app", *options)
    with process(*command, port=port, cwd=ROOT) as url:

        def found() -> Any:
            return httpx.get(f"{url}/found").json()

        asyncio.run(_ask_all(url, count))
        wait_for(lambda: found()["counts"]["entered"] == found()["counts"]["left"])
        counts = found()["counts"]
        assert not found()["leaks"], found()["leaks"]
    assert counts["entered"] + counts["websockets"] == count
    return (
        f"{counts['looks']:,} looks by the server, {counts['websockets']:,} websockets, 0 leaks; {AT_A_TIME} at a time"
    )
