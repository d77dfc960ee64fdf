"""Files that the server of ``app.run()`` sends with ``sendfile(2)``."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest

from aeros_compat import WebServer
from aeros_compat.serving import sendfile
from aeros_compat.serving.protocol import HTTPProtocol
from aeros_compat.serving.sendfile import PATHSEND, Transfer

from ..servers import errors_of_servers, raw_exchange, read_all, served, wait_for

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

#: More than the buffers of two sockets take.
SIZE = 30_000_000


class Sent:
    """The transfers that have been made."""

    def __init__(self) -> None:
        self.all: list[Transfer] = []


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    seen = Sent()

    def transfer(*args: Any) -> Transfer:
        seen.all.append(Transfer(*args))
        return seen.all[-1]

    monkeypatch.setattr(sendfile, "Transfer", transfer)
    return seen


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(1_000_000) * (SIZE // 1_000_000))
    return path


@pytest.fixture(params=["uvloop", "asyncio"])
def url(request: pytest.FixtureRequest, file: Path) -> Iterator[str]:
    app = WebServer("tests", static_folder=str(file.parent), static_url_path="/files")
    app.add_url_rule("/send", "send", lambda: flask.send_file(file))

    @app.get("/without-length")
    def without_length() -> flask.Response:
        response = flask.send_file(file)
        del response.headers["Content-Length"]
        return response

    with served(app, http=HTTPProtocol, loop=request.param) as url:
        yield url


@pytest.mark.parametrize("path", ["/files/large.bin", "/send"])
def test_large_files_are_sent(url: str, file: Path, sent: Sent, path: str) -> None:
    with httpx.Client() as client:  # on one connection: what follows a file is not taken for it
        for _ in range(3):
            response = client.get(url + path)
            assert response.status_code == 200
            assert response.content == file.read_bytes()
            assert client.get(url + "/nothing").status_code == 404
    assert len(sent.all) == 3
    assert all(transfer._has_ended for transfer in sent.all)


def test_parts_and_heads_are_not(url: str, file: Path, sent: Sent) -> None:
    content = file.read_bytes()
    part = httpx.get(f"{url}/send", headers={"Range": "bytes=10-1000009"})
    assert (part.status_code, part.content) == (206, content[10:1_000_010])
    assert httpx.head(f"{url}/send").headers["Content-Length"] == str(SIZE)
    fresh = httpx.get(f"{url}/send", headers={"If-None-Match": httpx.head(f"{url}/send").headers["ETag"]})
    assert fresh.status_code == 304
    assert httpx.get(f"{url}/without-length").content == content
    assert not sent.all


def test_pipelined_requests_are_answered_in_order(url: str, file: Path, sent: Sent) -> None:
    target = b"GET /send HTTP/1.1\r\nHost: x\r\n"
    received = raw_exchange(url, target + b"\r\n" + target + b"Connection: close\r\n\r\n")
    first, _, rest = received.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200")
    assert rest[:SIZE] == file.read_bytes()
    second, _, rest = rest[SIZE:].partition(b"\r\n\r\n")
    assert second.startswith(b"HTTP/1.1 200")
    assert rest == file.read_bytes()
    assert len(sent.all) == 2


def test_a_slow_client_gets_all_of_it(url: str, file: Path, sent: Sent) -> None:
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as connection:
        connection.sendall(b"GET /send HTTP/1.0\r\n\r\n")
        wait_for(lambda: bool(sent.all) and sent.all[0]._position > 0)
        assert not sent.all[0]._has_ended
        assert httpx.get(url + "/nothing").status_code == 404  # and nobody else waits for it
        assert read_all(connection).partition(b"\r\n\r\n")[2] == file.read_bytes()
    wait_for(lambda: sent.all[0]._has_ended)


def test_clients_that_leave_leave_nothing(url: str, sent: Sent) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as connection:
            connection.sendall(b"GET /send HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(10) == b"HTTP/1.1 2"
    wait_for(lambda: len(sent.all) == 5 and all(transfer._has_ended for transfer in sent.all))
    wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_client_that_leaves_before_its_file_is_no_error(file: Path, loop: str) -> None:
    app, began, has_left = WebServer("tests"), threading.Event(), threading.Event()
    requests: set[asyncio.Task[None]] = set()

    class Protocol(HTTPProtocol):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            requests.update(self.tasks)
            has_left.set()

    @app.get("/")
    def view() -> flask.Response:
        began.set()
        assert has_left.wait(60)
        return flask.send_file(file)

    with served(app, http=Protocol, loop=loop) as url, errors_of_servers() as errors:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert began.wait(60)
        wait_for(lambda: bool(requests) and all(request.done() for request in requests))
    assert not errors


def test_a_file_that_shrinks_breaks_the_connection(url: str, file: Path, sent: Sent) -> None:
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as connection:
        connection.sendall(b"GET /send HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: bool(sent.all) and sent.all[0]._position > 0)
        os.truncate(file, 0)
        assert len(read_all(connection)) < SIZE
    wait_for(lambda: sent.all[0]._has_ended)


@pytest.mark.parametrize("has_length", [True, False])
def test_any_asgi_application_can_send_a_path(file: Path, sent: Sent, has_length: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        assert PATHSEND in scope["extensions"]
        headers = [(b"content-length", str(SIZE).encode())] * has_length
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": PATHSEND, "path": str(file)})

    with served(app, http=HTTPProtocol, lifespan="off") as url:
        assert httpx.get(url).content == file.read_bytes()
    assert len(sent.all) == has_length
