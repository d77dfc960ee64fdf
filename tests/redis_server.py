"""A real Redis of the test's own, on a free port, which can be stopped and started again."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING

from .servers import free_port, is_listening, stop, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


class RedisServer:
    """``arguments`` are those of the command line, beside the ones for its port; in memory only by default."""

    def __init__(self, *arguments: str) -> None:
        self.port = free_port()
        self._arguments = arguments or ("--save", "", "--appendonly", "no")
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        return self._running.pid if self._running is not None else None

    def start(self) -> None:
        binary = shutil.which("redis-server")
        assert binary, "The tests need Redis: apt-get install redis-server (scripts/test does so for root)."
        self._directory = tempfile.TemporaryDirectory()
        command = [binary, *self._arguments, "--port", str(self.port), "--bind", "127.0.0.1", "--dir"]
        command.append(self._directory.name)
        self._running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(lambda: is_listening(self.port))

    def stop(self) -> None:
        if self._running is not None:
            stop(self._running)
            self._running = None
            self._directory.cleanup()


@contextlib.contextmanager
def redis_server(*arguments: str) -> Iterator[RedisServer]:
    server = RedisServer(*arguments)
    try:
        server.start()
        yield server
    finally:
        server.stop()
