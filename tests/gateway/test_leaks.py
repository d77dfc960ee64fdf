"""What a server's process holds after large bodies, and after a thousand clients that left in the middle of theirs."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import httpx

from aeros_compat.lanes.threads import WARM_THREADS
from aeros_compat.webserver import WORKER_THREADS

from ..servers import free_port, process, wait_for
from .memory import PART, ROOT, connect, measure

FORM = b"Content-Type: multipart/form-data; boundary=b\r\n"

#: What a client sends before it leaves: heads that are not complete, bodies in the middle.
UPLOADS = [
    b"POST %s/up HTTP/1.1\r\nHost: x\r\nContent-",
    b"POST %s/up HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
    b"POST %s/up HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 1_200_000,
    b"POST %s/up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
    b"POST %s/up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n" + b"x" * 1_200_000,
    b"POST %s/file HTTP/1.1\r\nHost: x\r\n" + FORM + b"Content-Length: 9000000\r\n\r\n" + PART + b"x" * 1_200_000,
]
UPLOADS = [request % lane for request in UPLOADS for lane in (b"/sync", b"/async")]

#: Downloads: left at once, under back-pressure, between slow pieces, while idle; and files.
DOWNLOADS = [
    b"GET %s/down?size=900000000%s HTTP/1.1\r\nHost: x\r\n\r\n" % (lane, pause)
    for lane in (b"/sync", b"/async", b"/mixed")
    for pause in (b"", b"&pause=0.01", b"&pause=3600")
] + [b"GET %s/send?size=90000000 HTTP/1.1\r\nHost: x\r\n\r\n" % lane for lane in (b"/sync", b"/async")]


def abandon(url: str, requests: list[bytes], count: int, *, read: int) -> None:
    """``count`` clients, fifty at a time: each sends its part, reads up to ``read`` bytes, and goes."""
    for start in range(0, count, 50):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(connect(url)) for _ in range(min(50, count - start))]
            for number, client in enumerate(clients):
                client.sendall(requests[(start + number) % len(requests)])
            for client in clients:
                if read:
                    client.recv(read)


def test_a_thousand_uploads_and_downloads_that_are_abandoned() -> None:
    port = free_port()
    command = ("uvicorn", "tests.gateway.counting:app", "--port", str(port), "--log-level", "critical")
    with process(*command, port=port, cwd=ROOT) as url:

        def counts() -> dict[str, int]:
            found: dict[str, Any] = httpx.get(f"{url}/counts", timeout=10).json()
            return {name: found[name] for name in ("threads", "descriptors", "tasks", "generators")}

        def settled() -> dict[str, int]:
            """The counts once nothing is open any more: a generator that sleeps is closed when it wakes."""
            wait_for(lambda: counts()["generators"] == 0 and counts()["tasks"] <= idle["tasks"], timeout=20)
            return counts()

        idle = counts()
        # As many at a time as later: threads that are kept warm, and what is imported on the way.
        abandon(url, UPLOADS, 100, read=0)
        abandon(url, DOWNLOADS, 100, read=1000)
        before = settled()
        abandon(url, UPLOADS, 1000, read=0)
        for read in (0, 1000, 300_000, 1000):
            abandon(url, DOWNLOADS, 250, read=read)
        # Sockets that their clients have left are closed when the server comes to it.
        wait_for(lambda: counts()["descriptors"] <= before["descriptors"], timeout=20)
        after = settled()
        assert after["tasks"] == before["tasks"]
        assert after["generators"] == before["generators"] == 0
        assert after["descriptors"] <= before["descriptors"]
        # The pool keeps threads warm for the next requests, up to its bound; the main thread and one of the system's.
        assert after["threads"] <= WORKER_THREADS + WARM_THREADS + 2
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            assert httpx.post(f"{url}/sync/up", content=b"abc").text == "3"


def test_memory_of_large_bodies() -> None:
    """256 MiB each here; ``python -m tests.gateway.memory --size 1G`` for more."""
    for path, (growth, _) in measure(256 * 2**20).items():
        assert growth < 64 * 2**20, path
