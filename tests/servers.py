"""Real servers on free ports, for tests that need sockets."""

from __future__ import annotations

import contextlib
import logging
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from aeros_compat.logs.cuts import SERVER
from aeros_compat.serving.protocol import HTTPProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Below those that Linux gives to clients (``net.ipv4.ip_local_port_range``).
_PORTS = range(10_000, 32_768)


@contextlib.contextmanager
def served(app: Any, **options: Any) -> Iterator[str]:
    """``app`` as ``app.run()`` serves it, in this process; gives its base URL. Failing to stop in time fails the test.

    ``http`` chooses another protocol of uvicorn's.
    """
    options.setdefault("http", HTTPProtocol)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", proxy_headers=False, timeout_graceful_shutdown=5, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="test-uvicorn")
    thread.start()
    try:
        wait_for(lambda: server.started or not thread.is_alive())
        assert thread.is_alive(), "uvicorn did not start"
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()
        assert not thread.is_alive(), "uvicorn did not stop"


@contextlib.contextmanager
def errors_of_servers() -> Iterator[list[logging.LogRecord]]:
    """What uvicorn logs as errors in the block. Inside of ``served``, which configures logging."""
    records: list[logging.LogRecord] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler = Handler(logging.ERROR)
    logging.getLogger(SERVER).addHandler(handler)
    try:
        yield records
    finally:
        logging.getLogger(SERVER).removeHandler(handler)


@contextlib.contextmanager
def process(*command: str, port: int, cwd: Path, env: dict[str, str] | None = None) -> Iterator[str]:
    """A server started by a command line, which listens on ``port``; gives its base URL."""
    # A file, because nobody would read a pipe while the server runs.
    with tempfile.TemporaryFile("w+") as log:
        running = subprocess.Popen([sys.executable, "-m", *command], cwd=cwd, env=env, stdout=log, stderr=log)
        try:
            wait_for(lambda: is_listening(port) or running.poll() is not None)
            if running.poll() is not None:
                log.seek(0)
                raise AssertionError(f"{command[0]} ended: {log.read()}")
            yield f"http://127.0.0.1:{port}"
        finally:
            stop(running)


def stop(running: subprocess.Popen[Any]) -> None:
    """End a server with SIGTERM; one that does not end in time is killed, and fails the test."""
    running.terminate()
    try:
        running.wait(timeout=15)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
        raise


def free_port() -> int:
    """A port that nobody has, and that the system does not give to clients: one of theirs may be taken meanwhile."""
    while True:
        port = secrets.choice(_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def wait_for(condition: Callable[[], bool], timeout: float = 60.0) -> None:
    """Return when ``condition()`` holds; fail after ``timeout`` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.01)


def ask_until(url: str, condition: Callable[[], bool]) -> str:
    """Ask until it makes ``condition()`` hold, which a busy machine may keep from it; the text of the last answer."""
    for _ in range(10):
        text = httpx.get(url, timeout=60).text
        with contextlib.suppress(AssertionError):
            wait_for(condition, timeout=2)
            return text
    raise AssertionError(f"the condition did not come true after any of ten requests to {url}")


def raw_exchange(url: str, request: bytes, *, timeout: float = 10.0) -> bytes:
    """Send ``request`` byte for byte and return all that comes back until the server closes."""
    host, port = httpx.URL(url).host, httpx.URL(url).port
    assert port is not None
    with socket.create_connection((host, port), timeout=timeout) as connection:
        connection.sendall(request)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)
