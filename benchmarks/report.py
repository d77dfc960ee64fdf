"""What a run has measured, as Markdown."""

from __future__ import annotations

import math
import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from .content import ROOT, THREADS
from .peers import PEERS
from .workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .crowding import Latency
    from .measurement import Measured, Rounds
    from .starting import Start
    from .targets import Outcome

_PACKAGES = (
    "aeros_compat",
    "flask",
    "werkzeug",
    "quart",
    "starlette",
    "uvicorn",
    "uvloop",
    "hypercorn",
    "gunicorn",
    "waitress",
    "granian",
    "a2wsgi",
)


@dataclass(frozen=True)
class Run:
    """Everything that one command has measured."""

    setting: str
    measured: list[Measured]
    starts: list[Start]
    latencies: list[Latency]
    outcomes: list[Outcome]


def setting(rounds: Rounds) -> str:
    """Where and how: without it the figures say nothing."""
    cores = os.cpu_count()
    where = (
        "any core for both"
        if rounds.server_core is None
        else f"servers on core {rounds.server_core}, clients on core {rounds.client_core}"
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}, {_processor()}, {cores} cores, load average"
        f" {os.getloadavg()[0]:.1f} at the start, Python {platform.python_version()}.\n"
        f"{rounds.count} rounds of {rounds.seconds} s for each peer, one process each, {THREADS} threads where there"
        f" are threads, `wrk -t1`; {where}.\n\n{_versions()}."
    )


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _versions() -> str:
    return ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "(none)"


def markdown(run: Run) -> str:
    """Tables: the targets first, then everything that they come from."""
    met = sum(outcome.is_met for outcome in run.outcomes)
    parts = [
        "# Results",
        run.setting,
        f"## Targets: {met} of {len(run.outcomes)} met",
        _targets(run.outcomes),
        "## Requests in a second",
        _by_workload(run.measured, lambda one: f"{one.rate:,.0f}"),
        "## Processor seconds of the server for 1,000 requests",
        _by_workload(run.measured, lambda one: f"{one.cpu_median:.3g}"),
        "## Latency: median and 99th percentile, ms",
        _by_workload(run.measured, lambda one: f"{_ms(one.p50)}, {_ms(one.p99)}"),
        "## Peak memory, MB",
        _by_workload(run.measured, lambda one: f"{one.peak_memory / 1e6:.0f}"),
    ]
    if failing := [one for one in run.measured if one.errors]:
        lines = [f"* {PEERS[one.peer].title}, {WORKLOADS[one.workload].title}: {one.errors}" for one in failing]
        parts += ["## Requests without a good answer", "\n".join(lines)]
    if run.starts:
        parts += ["## Starting", _starts(run.starts)]
    if run.latencies:
        parts += ["## An async view beside 64 sync requests, one connection", _latencies(run.latencies)]
    return "\n\n".join(parts) + "\n"


def _targets(outcomes: Iterable[Outcome]) -> str:
    rows = [
        [
            PEERS[outcome.lane].title,
            outcome.what,
            outcome.against,
            f"≥ {outcome.at_least:g}" if math.isinf(outcome.at_most) else f"≤ {outcome.at_most:g}",
            _number(outcome.ratio),
            _number(outcome.by_cpu),
            "met" if outcome.is_met else "**not met**",
        ]
        for outcome in outcomes
    ]
    return table(["", "what", "against", "target", "measured", "by processor time", ""], rows)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g}" if seconds else "-"


def _by_workload(measured: Iterable[Measured], show: Callable[[Measured], str]) -> str:
    """Workloads down, peers across."""
    found = {(one.workload, one.peer): show(one) for one in measured}
    peers = [name for name in PEERS if any(peer == name for _, peer in found)]
    rows = [
        [workload.title, *(found.get((name, peer), "-") for peer in peers)]
        for name, workload in WORKLOADS.items()
        if any(one == name for one, _ in found)
    ]
    return table(["", *(PEERS[name].title for name in peers)], rows)


def _starts(starts: Iterable[Start]) -> str:
    rows = [
        [PEERS[start.peer].title, f"{1000 * start.first_answer:.0f}", f"{start.idle_memory / 1e6:.0f}"]
        for start in starts
    ]
    return table(["", "first answer, ms", "memory when idle, MB"], rows)


def _latencies(latencies: Iterable[Latency]) -> str:
    rows = [[PEERS[one.peer].title, one.crowd, _ms(one.p50), _ms(one.p99)] for one in latencies]
    return table(["", "beside it", "median, ms", "99th percentile, ms"], rows)


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """As GitHub has it; all columns but the first to the right."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])
