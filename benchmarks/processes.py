"""A server in a process of its own: started, waited for, weighed and ended. Linux only: it reads ``/proc``."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from .content import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .peers import Peer

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
#: Seconds for a server to give its first answer, and to end.
_START, _END = 120, 5
#: Below those that Linux gives to clients (``net.ipv4.ip_local_port_range``).
_PORTS = range(10_000, 32_768)
_given: set[int] = set()


class CannotMeasure(Exception):
    """A server does not start, or not answer as it must. The text says which and why."""


class Server:
    """A peer that serves one workload on a free port, until the ``with`` statement ends."""

    def __init__(self, peer: Peer, workload: str, *, core: int | None = None) -> None:
        """:param core: the one processor core that it may run on; None for all."""
        self.peer = peer
        self.workload = workload
        self.port = free_port()
        self._core = core
        # A file, because nobody would read a pipe while the server runs.
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (closed in __exit__)

    def __enter__(self) -> Self:
        environment = {
            **os.environ,
            "BENCHMARK_APPLICATION": self.peer.application,
            "BENCHMARK_WORKLOAD": self.workload,
            "PYTHONPATH": str(ROOT),
        }
        # What pip installs is compiled; this project, which it links to, is after its first start, if that may be kept.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        pinned = [] if self._core is None else ["taskset", "--cpu-list", str(self._core)]
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [*pinned, *self.peer.command_at(self.port)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END)
        # What has not ended in time, and children that a master process has left behind: the session is theirs alone.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()

    def wait_until_it_answers(self) -> float:
        """Seconds from its start to the first byte of its first answer, whatever that says.

        :raises CannotMeasure: if there is none in time, with the last line that the server has logged.
        """
        while time.perf_counter() < self.started + _START:
            if self._process.poll() is not None:
                raise CannotMeasure(f"{self.peer.title} ended before it answered: {self.last_words()}")
            if _answers(self.port):
                return time.perf_counter() - self.started
            time.sleep(0.002)
        raise CannotMeasure(f"{self.peer.title} did not answer within {_START} seconds: {self.last_words()}")

    def last_words(self) -> str:
        self._log.seek(0)
        lines = [line.strip() for line in self._log if line.strip()]
        return lines[-1] if lines else "it has logged nothing."

    def cpu_seconds(self) -> float:
        """Processor time, of its user and of the system, of the server and its children until now."""
        ticks = 0
        for stat in self._stats():
            ticks += int(stat[11]) + int(stat[12])  # utime, stime: proc_pid_stat(5)
        return ticks / _TICKS_PER_SECOND

    def peak_memory(self) -> int:
        """Bytes: the sum of the greatest resident sizes that the server and its children have had."""
        return self._memory("VmHWM")

    def memory(self) -> int:
        """Bytes: the sum of the resident sizes now."""
        return self._memory("VmRSS")

    def _memory(self, key: str) -> int:
        kilobytes = 0
        for pid in descendants(self._process.pid):
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith(f"{key}:"):
                        kilobytes += int(line.split()[1])
        return kilobytes * 1024

    def _stats(self) -> Iterator[list[str]]:
        for pid in descendants(self._process.pid):
            with contextlib.suppress(OSError):
                yield _stat(pid)


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/<pid>/stat`` from the third on: the second, a name, may have blanks in it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def descendants(pid: int) -> list[int]:
    """A process, its children and theirs."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _answers(port: int) -> bool:
    """Whether there is an answer to a request; one that has been accepted is waited for."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=_START) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return connection.recv(1) != b""
    return False


def free_port() -> int:
    """A port that nobody has, and that the system does not give to clients: one of theirs may be taken meanwhile.

    Nor is it one that this has given before: a server that has it may not have begun to listen.
    """
    while True:
        port = secrets.choice(_PORTS)
        if port not in _given:
            with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
                _given.add(port)
                return port
