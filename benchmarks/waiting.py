"""Overload by ``waiting_per_thread``: how long answers take, how many are refused, how soon it is over, and memory.

    python -m benchmarks.waiting

Three times as many requests as the threads can answer arrive evenly for some seconds, whether or not earlier ones have
been answered, each on a connection of its own; a client leaves after some seconds without an answer. Meanwhile an async
view is asked, as a health check would. Writes ``waiting.md`` into ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from dataclasses import dataclass
from platform import python_version
from statistics import quantiles
from typing import TYPE_CHECKING

from .content import ROOT, THREADS
from .peers import Peer
from .processes import CannotMeasure, Server

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Requests that may wait for each thread; 0 is any number.
BOUNDS = (5, 10, 25, 50, 100, 200, 0)
#: Seconds that the view takes.
VIEWS = (0.05, 0.2)
#: Requests that arrive for each that can be answered.
OVERLOAD = 3.0

_COMMAND = (
    f"aeros_compat run benchmarks.served:app --threads {THREADS} --port {{port}} --no-access-log --log-level warning"
)


@dataclass(frozen=True)
class Reply:
    """To one request: its status, 0 if its client has left before, and the seconds that it took."""

    status: int
    seconds: float


@dataclass(frozen=True)
class Overload:
    """What was seen of one bound. Times are seconds."""

    bound: int
    view: float
    replies: Sequence[Reply]
    health: Sequence[Reply]
    #: From the last arrival until a new request has been answered.
    recovery: float
    #: Bytes that the server has grown by.
    growth: int

    def seconds_of(self, status: int) -> list[float]:
        return [reply.seconds for reply in self.replies if reply.status == status]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6, help="of each overload")
    parser.add_argument("--patience", type=float, default=10, help="seconds after which a client leaves")
    options = parser.parse_args()
    found = []
    try:
        for view in VIEWS:
            for bound in BOUNDS:
                print(f"\r{view * 1000:.0f} ms, {bound} waiting  ", end="", file=sys.stderr, flush=True)
                found.append(measure(bound, view, options.seconds, options.patience))
    except CannotMeasure as error:
        sys.exit(f"Error: {error}")
    text = markdown(found, options.seconds, options.patience)
    (ROOT / "benchmarks" / "results" / "waiting.md").write_text(text)
    print(text)


def measure(bound: int, view: float, seconds: float, patience: float) -> Overload:
    """One server under ``seconds`` of overload.

    :raises CannotMeasure: if it does not start, or answers with anything but 200 and 503.
    """
    peer = Peer("crowded", "aeros_compat, overloaded", _COMMAND, "crowded", frozenset())
    with Server(peer, str(bound)) as server:
        server.wait_until_it_answers()
        asyncio.run(_crowd(server.port, view, 0.5, patience))  # warm: the memory of the start is not the queue's
        before = server.memory()
        replies, health, recovery = asyncio.run(_crowd(server.port, view, seconds, patience))
        growth = server.peak_memory() - before
    if others := {reply.status for reply in replies} - {0, 200, 503}:
        raise CannotMeasure(f"There were answers with {others}.")
    return Overload(bound, view, replies, health, recovery, growth)


async def _crowd(port: int, view: float, seconds: float, patience: float) -> tuple[list[Reply], list[Reply], float]:
    rate = OVERLOAD * THREADS / view
    began = time.perf_counter()
    asked, health = [], []
    for number in range(int(seconds * rate)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        asked.append(asyncio.create_task(_ask(port, f"/?seconds={view}", patience)))
        if number % 20 == 0:
            health.append(asyncio.create_task(_ask(port, "/health", patience)))
    recovery = await _recovery(port)
    return list(await asyncio.gather(*asked)), list(await asyncio.gather(*health)), recovery


async def _recovery(port: int) -> float:
    began = time.perf_counter()
    while (await _ask(port, "/", 120)).status != 200:  # noqa: ASYNC110 (only asking tells)
        await asyncio.sleep(0.05)
    return time.perf_counter() - began


async def _ask(port: int, path: str, patience: float) -> Reply:
    began = time.perf_counter()
    status = 0
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                status = int((await reader.read()).split(b" ", 2)[1])
            finally:
                writer.close()
    except (TimeoutError, ConnectionError, IndexError):
        status = 0
    return Reply(status, time.perf_counter() - began)


def markdown(found: Sequence[Overload], seconds: float, patience: float) -> str:
    heads = [
        "view",
        "may wait for a thread",
        "answered",
        "refused",
        "clients that left",
        "answered in (median, 99 %)",
        "refused in (99 %)",
        "health check (99 %)",
        "over after",
        "memory",
    ]
    lines = [heads, ["---:"] * len(heads), *(_row(overload) for overload in found)]
    return (
        f"{OVERLOAD:g} times as many requests as {THREADS} threads can answer, for {seconds:g} seconds; clients leave"
        f" after {patience:g}. Measured with {os.cpu_count()} cores, which clients and servers shared, and Python"
        f" {python_version()}; load average {os.getloadavg()[2]:.0f} in the 15 minutes until then.\n\n"
        + "\n".join("| " + " | ".join(line) + " |" for line in lines)
        + "\n"
    )


def _row(overload: Overload) -> list[str]:
    answered, refused, left = (overload.seconds_of(status) for status in (200, 503, 0))
    return [
        f"{overload.view * 1000:g} ms",
        f"{overload.bound or 'any number'}",
        f"{len(answered):,}",
        f"{len(refused):,}",
        f"{len(left):,}",
        f"{_quantile(answered, 50)}, {_quantile(answered, 99)}",
        _quantile(refused, 99),
        _quantile([reply.seconds for reply in overload.health], 99),
        f"{overload.recovery:.2f} s",
        f"{overload.growth / 2**20:+.0f} MiB",
    ]


def _quantile(seconds: Sequence[float], percent: int) -> str:
    if len(seconds) < 2:
        return "-"
    return f"{quantiles(seconds, n=100, method='inclusive')[percent - 1]:.2f} s"


if __name__ == "__main__":
    main()
