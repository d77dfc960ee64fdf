"""What being watched costs: processor time of a request, with the watch off and on, side by side.

    python -m benchmarks.watch_cost

The servers share a process and its event loop: processes of the same program differ by up to a quarter for all their
lives, by where their memory happens to lie. They are asked in short turns: other work of the machine is then unfair to
all of them alike. "off again" is the same as "off": what differs between these two is the error of the measuring. What
the watch costs while nobody asks is measured apart, in a process with it and one without.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import random
import resource
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from .content import ROOT, ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS = 32
#: Requests in one turn of a server: about a tenth of a second.
TURN = 10 * CONNECTIONS
#: A view that does nothing, in each lane, and one that renders a page.
PATHS = ("/sync", "/async", "/rows")
KINDS: dict[str, dict[str, Any]] = {"off": {}, "watch": {"watch": True}, "off again": {}}


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.watch_cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=150, help=f"of {TURN} requests for each server and each view")
    parser.add_argument("--serve", choices=KINDS, nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
        return
    print("| view | watch | microseconds of processor for a request: median, least | against off: median, least |")
    print("|---|---|---:|---:|")
    for path in PATHS:
        measure(path, options.rounds)
    print()
    for kind in ("off", "watch"):
        print(f"Nobody asks, {kind}: {idle_cost(kind):.2f} ms of processor in a second.")


def measure(path: str, rounds: int) -> None:
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with Measured.running(*KINDS) as process:
        for kind in KINDS:
            process.cpu_of(kind, path)
        for number in range(rounds):
            print(f"\r{path}: round {number + 1} of {rounds} ", end="", file=sys.stderr, flush=True)
            for kind in random.sample(list(KINDS), len(KINDS)):
                times[kind].append(process.cpu_of(kind, path))
    print(file=sys.stderr)
    for kind, values in times.items():
        pairs = [value / off - 1 for value, off in zip(values, times["off"], strict=True)]
        least = min(values) / min(times["off"]) - 1
        print(
            f"| `{path}` | {kind} | {statistics.median(values):.1f}, {min(values):.1f}"
            f" | {statistics.median(pairs):+.1%}, {least:+.1%} |",
            flush=True,
        )


def idle_cost(kind: str) -> float:
    """Milliseconds of processor in a second without requests."""
    seconds = 5
    with Measured.running(kind) as process:
        process.cpu_of(kind, PATHS[0])
        before = process.cpu()
        time.sleep(seconds)
        return (process.cpu() - before) / seconds * 1000


class Measured:
    """A process that answers requests, at a port for each kind of server, and says what they have cost."""

    def __init__(self, process: subprocess.Popen[str], kinds: tuple[str, ...]) -> None:
        self._in = cast("IO[str]", process.stdin)
        self._out = cast("IO[str]", process.stdout)
        ports = {kind: int(self._out.readline()) for kind in kinds}
        self._clients = {
            kind: [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
            for kind, port in ports.items()
        }

    @classmethod
    @contextmanager
    def running(cls, *kinds: str) -> Iterator[Measured]:
        command = [sys.executable, "-m", "benchmarks.watch_cost", "--serve", *kinds]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            measured = cls(process, kinds)
            yield measured
            for client in itertools.chain(*measured._clients.values()):
                client.close()

    def cpu_of(self, kind: str, path: str) -> float:
        """Microseconds for a request, in a turn of them: one over each connection, and so on."""
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        before = self.cpu()
        for _ in range(TURN // CONNECTIONS):
            for client in self._clients[kind]:
                client.sendall(request)
            for client in self._clients[kind]:
                take_answer(client)
        return (self.cpu() - before) / TURN * 1e6

    def cpu(self) -> float:
        print(file=self._in, flush=True)
        return float(self._out.readline())


def take_answer(client: socket.socket) -> None:
    head, _, body = client.recv(1 << 16).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    missing = int(head.lower().partition(b"content-length:")[2].split()[0]) - len(body)
    while missing > 0:
        missing -= len(client.recv(1 << 16))


# In the measured process.


def application(kind: str) -> Any:
    from flask import render_template

    from aeros_compat import WebServer

    # A warning about a blocked loop on a busy machine is not what is measured.
    logging.disable(logging.WARNING)
    app = WebServer("benchmarks", compression=None, template_folder="templates", **KINDS[kind])
    app.add_url_rule("/sync", "sync", lambda: "Hello")
    app.add_url_rule("/rows", "rows", lambda: render_template("rows.html", title="Rows", rows=ROWS))

    async def view() -> str:
        return "Hello"

    app.add_url_rule("/async", "async", view)
    return app


async def serve(kinds: list[str]) -> None:
    servers = [await started(application(kind)) for kind in kinds]
    while await asyncio.to_thread(sys.stdin.readline):
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(used.ru_utime + used.ru_stime, flush=True)
    for server, _ in servers:
        server.should_exit = True
    await asyncio.gather(*(serving for _, serving in servers))


async def started(app: Any) -> tuple[Any, asyncio.Task[None]]:
    import uvicorn

    from aeros_compat.serving.protocol import HTTPProtocol

    options: dict[str, Any] = {"http": HTTPProtocol, "log_level": "error", "access_log": False, "proxy_headers": False}
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, **options))
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    print(listener.getsockname()[1], flush=True)
    return server, serving


if __name__ == "__main__":
    main()
