"""What being watched costs: processor time of a request, with the watch off and on, side by side.

Each kind runs in a process of its own and in turns with the others, so that a machine with other work to do is unfair
to all of them alike. The requests come over real sockets to uvicorn, or with ``--in-process`` straight into the ASGI
application, where there is nothing but its own work. ``--against DIRECTORY`` adds another checkout of the project.

    python benchmarks/watch_cost.py --seconds 25
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import resource
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, cast

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS = 16
REQUEST = b"GET %b HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmark\r\nAccept: */*\r\n\r\n"
KINDS: dict[str, dict[str, Any]] = {"off": {}, "watch": {"watch": True}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=25.0, help="for each lane")
    parser.add_argument("--requests", type=int, default=800, help="of each round")
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--against", help="the root of another checkout, measured with the watch off")
    parser.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve, options.in_process))
        return
    for path in ("/sync", "/async"):
        measure(path, options)


def measure(path: str, options: argparse.Namespace) -> None:
    servers = {kind: Measured(kind, ROOT, options.in_process) for kind in KINDS}
    # The same as "off": what differs between these two is the error of the measurement.
    servers["off again"] = Measured("off", ROOT, options.in_process)
    if options.against:
        servers["against"] = Measured("off", Path(options.against), options.in_process)
    try:
        for server in servers.values():
            server.cpu_of(path, options.requests)
        times: dict[str, list[float]] = {name: [] for name in servers}
        end = time.monotonic() + options.seconds
        while time.monotonic() < end:
            for name in random.sample(list(servers), len(servers)):
                times[name].append(servers[name].cpu_of(path, options.requests))
    finally:
        for server in servers.values():
            server.end()
    for name, values in times.items():
        pairs = [100 * (value / off - 1) for value, off in zip(values, times["off"], strict=True)]
        print(
            f"{path:7} {name:9} {statistics.median(values):7.1f} ms of processor per 1,000 requests,"
            f" in {len(values)} rounds; least {min(values):7.1f}; against off: {statistics.median(pairs):+5.1f} %"
        )


class Measured:
    """A process that answers requests and says what they have cost."""

    def __init__(self, kind: str, root: Path, in_process: bool) -> None:
        command = [sys.executable, __file__, "--serve", kind, *(["--in-process"] if in_process else [])]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
        )
        self._in = cast("IO[str]", self._process.stdin)
        self._out = cast("IO[str]", self._process.stdout)
        self._port = int(self._out.readline())
        self._in_process = in_process

    def cpu_of(self, path: str, requests: int) -> float:
        """Milliseconds for 1,000 requests."""
        before = self._ask("cpu")
        if self._in_process:
            self._ask(f"{path} {requests}")
        else:
            asyncio.run(send_requests(self._port, path, requests))
        return (self._ask("cpu") - before) / requests * 1e6

    def _ask(self, question: str) -> float:
        print(question, file=self._in, flush=True)
        return float(self._out.readline())

    def end(self) -> None:
        self._in.close()
        self._process.wait(timeout=30)
        self._out.close()


async def send_requests(port: int, path: str, count: int) -> None:
    """Ask over some connections at a time, one request after the other on each of them."""

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(count // CONNECTIONS):
            writer.write(REQUEST % path.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(len(b"Hello"))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))


# In the measured process.


def application(kind: str) -> Any:
    from aeros_compat import WebServer

    # A warning about a blocked loop on a busy machine is not what is measured.
    logging.disable(logging.WARNING)
    app = WebServer("benchmark", **KINDS[kind])
    app.add_url_rule("/sync", "sync", lambda: "Hello")

    async def view() -> str:
        return "Hello"

    app.add_url_rule("/async", "async", view)
    return app


async def serve(kind: str, in_process: bool) -> None:
    import uvicorn

    app = application(kind)
    if in_process:
        print(0, flush=True)
        await answer_questions(app)
        return
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, proxy_headers=False))
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    print(listener.getsockname()[1], flush=True)
    await answer_questions(app)
    server.should_exit = True
    await serving


async def answer_questions(app: Any) -> None:
    while question := await asyncio.to_thread(sys.stdin.readline):
        if question != "cpu\n":
            path, count = question.split()
            await asyncio.gather(*(call(app, path, int(count) // CONNECTIONS) for _ in range(CONNECTIONS)))
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(used.ru_utime + used.ru_stime, flush=True)


async def call(app: Any, path: str, count: int) -> None:
    message = {"type": "http.request", "body": b"", "more_body": False}

    async def receive() -> Any:
        # As on a socket: the loop gets its turn, or it would be blocked by all requests together.
        await asyncio.sleep(0)
        return message

    async def send(message: Any) -> None:
        pass

    for _ in range(count):
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"localhost"), (b"user-agent", b"benchmark"), (b"accept", b"*/*")],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }
        await app(scope, receive, send)


if __name__ == "__main__":
    main()
