"""What being watched costs: processor time of a request, with the watch off and on, side by side.

    python -m benchmarks.watch_cost

Each server is a process of its own, asked in turns with the others, so that a machine with other work to do is unfair
to all of them alike. "off again" is the same as "off": what differs between these two is the error of the measurement.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import resource
import socket
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from .content import ROOT, ROWS
from .load import Wrk

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS = 32
#: A view that does nothing, in each lane, and one that renders a page.
PATHS = ("/sync", "/async", "/rows")
KINDS: dict[str, dict[str, Any]] = {"off": {}, "watch": {"watch": True}, "off again": {}}


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.watch_cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="of a second for each server and each view")
    parser.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
        return
    print("| view | watch | microseconds of processor for a request: median, least | against off: median, least |")
    print("|---|---|---:|---:|")
    for path in PATHS:
        measure(path, options.rounds)


def measure(path: str, rounds: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in KINDS}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(Measured.running(name)) for name in KINDS}
        for server in servers.values():
            server.cpu_of(path)
        for number in range(rounds):
            print(f"\r{path}: round {number + 1} of {rounds} ", end="", file=sys.stderr, flush=True)
            for name in random.sample(list(servers), len(servers)):
                times[name].append(servers[name].cpu_of(path))
    print(file=sys.stderr)
    for name, values in times.items():
        pairs = [value / off - 1 for value, off in zip(values, times["off"], strict=True)]
        least = min(values) / min(times["off"]) - 1
        print(
            f"| `{path}` | {name} | {statistics.median(values):.1f}, {min(values):.1f}"
            f" | {statistics.median(pairs):+.1%}, {least:+.1%} |",
            flush=True,
        )


class Measured:
    """A process that answers requests and says what they have cost."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._in = cast("IO[str]", process.stdin)
        self._out = cast("IO[str]", process.stdout)
        self._port = int(self._out.readline())

    @classmethod
    @contextmanager
    def running(cls, kind: str) -> Iterator[Measured]:
        command = [sys.executable, "-m", "benchmarks.watch_cost", "--serve", kind]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            yield cls(process)

    def cpu_of(self, path: str) -> float:
        """Microseconds for a request, in a second of them."""
        before = self._cpu()
        load = Wrk(f"http://127.0.0.1:{self._port}{path}", CONNECTIONS).run(1)
        assert load.errors == 0, f"{load.errors} requests for {path} failed"
        time.sleep(0.1)  # the watch counts a moment later
        return (self._cpu() - before) / load.requests * 1e6

    def _cpu(self) -> float:
        print(file=self._in, flush=True)
        return float(self._out.readline())


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


async def serve(kind: str) -> None:
    import uvicorn

    from aeros_compat.serving.protocol import HTTPProtocol

    options: dict[str, Any] = {"http": HTTPProtocol, "log_level": "error", "access_log": False, "proxy_headers": False}
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application(kind), **options))
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    print(listener.getsockname()[1], flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(used.ru_utime + used.ru_stime, flush=True)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    main()
