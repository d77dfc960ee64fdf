"""Load: ``wrk``, one thread of it, and what it reports."""

from __future__ import annotations

import re
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    #: Seconds that half of the requests, and all but one in a hundred, took at most; 0 if there were none.
    p50: float
    p99: float
    #: Requests without an answer, or with one that is no success.
    errors: int


@dataclass(frozen=True)
class Wrk:
    """Requests of one kind, over so many connections at a time."""

    url: str
    connections: int
    headers: Mapping[str, str] = field(default_factory=dict)
    #: A Lua file that says what is sent, if it is no GET.
    script: Path | None = None
    core: int | None = None

    def run(self, seconds: int) -> Load:
        """Send requests for so long.

        :raises CannotMeasure: if wrk says nothing that can be understood.
        """
        done = subprocess.run(self._command(seconds), capture_output=True, text=True, check=False)
        return parse(done.stdout + done.stderr)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send requests as long as the ``with`` statement runs, which nobody counts."""
        process = subprocess.Popen(self._command(3600), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def _command(self, seconds: int) -> list[str]:
        pinned = [] if self.core is None else ["taskset", "--cpu-list", str(self.core)]
        headers = [part for name, value in self.headers.items() for part in ("-H", f"{name}: {value}")]
        script = [] if self.script is None else ["-s", str(self.script)]
        settings = ["-t1", f"-c{self.connections}", f"-d{seconds}s", "--latency"]
        return [*pinned, "wrk", *settings, *headers, *script, self.url]


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
