"""Programs that are started as a user starts them, and what they print."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from .servers import is_listening, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Every warning is an error in the programs that are started here, too.
PYTHON = (sys.executable, "-W", "error")


def environment(**variables: str) -> dict[str, str]:
    """The environment without settings of this test run, or of the user's Flask."""
    names = ("PYTEST_", "FLASK_", "UVICORN_", "WEB_CONCURRENCY")
    return {name: value for name, value in os.environ.items() if not name.startswith(names)} | variables


def ended(*command: str, cwd: Path, timeout: float = 60, **variables: str) -> subprocess.CompletedProcess[str]:
    """A program that ends by itself."""
    return subprocess.run(
        (*PYTHON, *command), cwd=cwd, env=environment(**variables), capture_output=True, text=True, timeout=timeout
    )


def refused(*command: str, cwd: Path, **variables: str) -> str:
    """The sentence of a program that cannot start: all that it says on stderr."""
    done = ended(*command, cwd=cwd, timeout=60, **variables)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Error: "), done.stderr
    return done.stderr


@dataclass
class Program:
    """A running server."""

    url: str
    process: subprocess.Popen[Any]
    log_file: Path

    @property
    def log(self) -> str:
        """What it has printed, on stdout and stderr."""
        return self.log_file.read_text()

    def get(self, path: str = "/", **options: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=20, trust_env=False, **options)

    def get_once(self, path: str = "/") -> httpx.Response:
        """A GET on a connection of its own, which is closed afterwards."""
        return self.get(path, headers={"Connection": "close"})

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, timeout: float = 30) -> int:
        """Send a signal, and give the exit code."""
        self.send(number)
        return self.process.wait(timeout)


def _is_listening(port: int | str) -> bool:
    if isinstance(port, int):
        return is_listening(port)
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.connect(port)
        return True
    return False


@contextlib.contextmanager
def running(*command: str, port: int | str, cwd: Path, scheme: str = "http", **variables: str) -> Iterator[Program]:
    """A program that serves on a port, or on the path of a Unix socket. One that does not end in time is killed."""
    log = cwd / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            (*PYTHON, *command), cwd=cwd, env=environment(**variables), stdout=output, stderr=output
        )
    program = Program(f"{scheme}://127.0.0.1:{port}", process, log)
    try:
        wait_for(lambda: _is_listening(port) or process.poll() is not None)
        assert process.poll() is None, program.log
        yield program
    except BaseException as error:
        error.add_note(f"The program's log ends with:\n{program.log[-5000:]}")
        raise
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
