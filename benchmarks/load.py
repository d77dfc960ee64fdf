"""Load: ``wrk``, one thread of it, and what it reports."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import CannotMeasure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Load:
    """What clients have seen."""

    requests: int
    #: Requests in a second.
    rate: float
    #: Seconds that half of the requests, and all but one in a hundred, took at most.
    p50: float
    p99: float
    #: Requests without an answer, or with one that is no success.
    errors: int


@dataclass(frozen=True)
class Wrk:
    """A command of wrk's, to be run for a time."""

    url: str
    connections: int
    headers: Mapping[str, str]
    #: A Lua file that says what is sent, if it is no GET.
    script: Path | None = None
    core: int | None = None

    def run(self, seconds: float) -> Load:
        """Send requests for so long.

        :raises CannotMeasure: if wrk says nothing that can be understood.
        """
        with self.running() as process:
            time.sleep(seconds)
            # wrk takes whole seconds; interrupted, it reports on the time that it has had.
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=30)
        return parse(output)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(self._command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def _command(self) -> list[str]:
        pinned = [] if self.core is None else ["taskset", "--cpu-list", str(self.core)]
        headers = [part for name, value in self.headers.items() for part in ("-H", f"{name}: {value}")]
        script = [] if self.script is None else ["-s", str(self.script)]
        return [*pinned, "wrk", "-t1", f"-c{self.connections}", "-d1h", "--latency", *headers, *script, self.url]


def parse(output: str) -> Load:
    """What wrk has printed.

    :raises CannotMeasure: if there is no report in it.
    """
    total = re.search(r"(\d+) requests in ", output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if total is None or rate is None:
        raise CannotMeasure(f"wrk reports nothing: {output.strip() or 'no output'}")
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    errors = sum(map(int, sockets.groups())) if sockets else 0
    return Load(
        requests=int(total[1]),
        rate=float(rate[1]),
        p50=_percentile(output, 50),
        p99=_percentile(output, 99),
        errors=errors + (int(refused[1]) if refused else 0),
    )


def _percentile(output: str, percent: int) -> float:
    found = re.search(rf"^\s*{percent}%\s+([\d.]+)(us|ms|s|m|h)$", output, re.MULTILINE)
    return float(found[1]) * _UNITS[found[2]] if found else 0.0


@contextmanager
def posting(body: bytes | None) -> Iterator[Path | None]:
    """A script that makes wrk send a body; none for a GET."""
    if body is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        content, script = Path(folder, "body"), Path(folder, "post.lua")
        content.write_bytes(body)
        script.write_text(f'wrk.method = "POST"\nwrk.body = io.open("{content}", "rb"):read("*a")\n')
        yield script
