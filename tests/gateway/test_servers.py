"""The same application on hypercorn (HTTP/1.1 and HTTP/2), on granian, and on a Unix socket of uvicorn's."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ..servers import free_port, process, raw_exchange, stop, wait_for
from .memory import ROOT

if TYPE_CHECKING:
    from pathlib import Path

Served = tuple[httpx.Client, Callable[[], dict[str, int]]]

HTTP2 = {"http1": False, "http2": True}
GRANIAN = ("granian", "--interface", "asgi", "--loop", "asyncio", "--no-ws")
SERVERS: dict[str, tuple[tuple[str, ...], dict[str, bool]]] = {
    "uvicorn": (("uvicorn", "--log-level", "critical", "--port"), {}),
    "hypercorn": (("hypercorn", "--bind"), {}),
    "hypercorn http2": (("hypercorn", "--bind"), HTTP2),
    "granian": (("granian", "--interface", "asgi", "--loop", "asyncio", "--no-ws", "--port"), {}),
    "granian http2": (
        ("granian", "--interface", "asgi", "--loop", "asyncio", "--no-ws", "--http", "2", "--port"),
        HTTP2,
    ),
}


@pytest.fixture(params=SERVERS, scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, bool]]]:
    """The URL of a server, and what a client has to be told."""
    command, options = SERVERS[request.param]
    port = free_port()
    address = f"127.0.0.1:{port}" if command[0] == "hypercorn" else str(port)
    with process(*command, address, "tests.gateway.counting:app", port=port, cwd=ROOT) as url:
        yield url, options


@pytest.fixture
def client(server: tuple[str, dict[str, bool]]) -> Iterator[httpx.Client]:
    url, options = server
    with httpx.Client(base_url=url, timeout=20, **options) as client:  # type: ignore[arg-type]
        yield client


LANES = pytest.mark.parametrize("lane", ["/sync", "/async"])


@LANES
def test_complete_bodies_and_cookies(client: httpx.Client, lane: str) -> None:
    answer = client.post(f"{lane}/echo", content=b"sent", headers=[("Cookie", "a=1"), ("Cookie", "b=2")])
    assert answer.json()["body"] == "sent"
    assert answer.json()["cookies"] == {"a": "1", "b": "2"}
    assert answer.json()["client"][0] == answer.json()["client"][2] == "127.0.0.1"
    assert answer.http_version in ("HTTP/1.1", "HTTP/2")


@LANES
def test_streams_and_files(client: httpx.Client, lane: str) -> None:
    for path in ("down", "send"):
        assert len(client.get(f"{lane}/{path}?size=3000001").content) == 3_000_001
        assert len(client.get(f"{lane}/{path}?size=10").content) == 10
    part = client.get(f"{lane}/send?size=3000001", headers={"Range": "bytes=1000-2000999"})
    assert (part.status_code, len(part.content)) == (206, 2_000_000)


@LANES
def test_uploads(client: httpx.Client, lane: str) -> None:
    for size in (0, 10, 3_000_001):
        assert client.post(f"{lane}/up", content=b"x" * size).text == str(size)
        pieces = (b"x" * min(70_000, size - at) for at in range(0, size, 70_000))
        assert client.post(f"{lane}/up", content=pieces).text == str(size)
        assert client.post(f"{lane}/file", files={"file": b"x" * size}).text == str(size)


@LANES
def test_answers_without_a_body(client: httpx.Client, lane: str) -> None:
    for path in ("down?size=1000000", "send?size=1000000", "echo"):
        head = client.head(f"{lane}/{path}")
        assert (head.status_code, head.content) == (200, b"")
    empty = client.get(f"{lane}/empty")
    assert (empty.status_code, empty.content, empty.headers.get("content-length")) == (204, b"", None)
    assert client.get(f"{lane}/echo").json()["body"] == ""


@LANES
def test_streams_that_are_longer_than_they_say(client: httpx.Client, lane: str) -> None:
    try:
        answer = client.get(f"{lane}/wrong")
    except httpx.HTTPError:
        return  # the message was visibly not complete
    assert answer.status_code == 500


@LANES
def test_clients_that_leave(client: httpx.Client, lane: str) -> None:
    def generators() -> int:
        return int(client.get("/counts").json()["generators"])

    def disconnects(path: str) -> None:
        options: Any = {"http1": False, "http2": True} if client.get("/counts").http_version == "HTTP/2" else {}
        with (
            httpx.Client(base_url=client.base_url, timeout=20, **options) as leaving,
            leaving.stream("GET", path) as response,
        ):
            arrivals = response.iter_raw()
            next(arrivals)
            assert generators() >= 1

    for pause in ("", "&pause=0.2", "&pause=3600"):
        for _ in range(3):
            disconnects(f"{lane}/down?size=900000000{pause}")
        wait_for(lambda: generators() == 0, timeout=3)


@LANES
def test_uploads_that_are_abandoned(server: tuple[str, dict[str, bool]], client: httpx.Client, lane: str) -> None:
    url, options = server
    if not options:  # HTTP/1.1: bytes by hand
        head = f"POST {lane}/up HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n".encode()
        for _ in range(20):
            with contextlib.suppress(OSError):
                raw_exchange(url, head + b"x" * 1_500_000, timeout=0.05)
    else:

        def broken() -> Iterator[bytes]:
            for _ in range(20):
                yield b"x" * 100_000
            raise KeyError("leave")

        for _ in range(20):
            with httpx.Client(base_url=url, timeout=20, **options) as leaving, pytest.raises(KeyError):  # type: ignore[arg-type]
                leaving.post(f"{lane}/up", content=broken())
    wait_for(lambda: client.get("/counts").json()["tasks"] < 20, timeout=5)
    assert client.post(f"{lane}/up", content=b"abc").text == "3"


def test_unix_socket(tmp_path: Path) -> None:
    """There is no client address: Flask says None, Quart "<local>", as each of them does."""
    socket_path = tmp_path / "socket"
    command = [sys.executable, "-m", "uvicorn", "--uds", str(socket_path), "tests.gateway.counting:app"]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_for(socket_path.exists)
        transport = httpx.HTTPTransport(uds=str(socket_path), retries=5)
        with httpx.Client(transport=transport, base_url="http://unix") as client:
            for lane in ("/sync", "/async"):
                answer = client.post(f"{lane}/echo", content=b"sent").json()
                assert answer["body"] == "sent"
                assert answer["client"] == [None, "HTTP/1.1", "<local>"]
                assert client.post(f"{lane}/up", content=b"x" * 3_000_000).text == "3000000"
                assert len(client.get(f"{lane}/down?size=3000000").content) == 3_000_000
    finally:
        stop(running)
