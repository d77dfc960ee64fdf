"""Rounds: every peer of a workload in turn, again and again, so that a busy machine is unfair to all of them alike."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .checking import checked_headers
from .load import Wrk, posting
from .peers import OURS
from .processes import CannotMeasure, Server
from .workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from .load import Load
    from .peers import Peer
    from .workloads import Workload

#: Seconds for a server to finish what clients have left behind, before its processor time is read.
_SETTLE = 0.1


@dataclass(frozen=True)
class Pinning:
    """The processor cores of servers and of clients; None for any."""

    server: int | None = None
    client: int | None = None


@dataclass
class Measured:
    """What a peer has done in a workload, round by round."""

    peer: str
    workload: str
    loads: list[Load] = field(default_factory=list)
    #: Processor seconds of the server for 1,000 requests.
    cpu: list[float] = field(default_factory=list)
    #: Bytes.
    peak_memory: int = 0

    @property
    def rate(self) -> float:
        """Requests in a second: the median of the rounds."""
        return statistics.median(load.rate for load in self.loads)

    @property
    def cpu_median(self) -> float:
        return statistics.median(self.cpu)

    @property
    def p50(self) -> float:
        return statistics.median(load.p50 for load in self.loads)

    @property
    def p99(self) -> float:
        return statistics.median(load.p99 for load in self.loads)

    @property
    def errors(self) -> int:
        return sum(load.errors for load in self.loads)


def ratio(ours: Measured, theirs: Measured) -> float:
    """How many times as many requests one serves: the median of the rounds' ratios."""
    pairs = zip(ours.loads, theirs.loads, strict=True)
    return statistics.median(one.rate / max(other.rate, 1e-9) for one, other in pairs)


@dataclass(frozen=True)
class Rounds:
    """How much is measured, and what is told meanwhile."""

    count: int
    seconds: float
    pinning: Pinning
    tell: Callable[[str], None]


def measure(workload: Workload, peers: Iterable[Peer], rounds: Rounds) -> list[Measured]:
    """Start the peers that can serve it, check them, and measure them in rounds. Those that fail are told and left out."""
    results: list[Measured] = []
    with ExitStack() as stack:
        script = stack.enter_context(posting(workload.body))
        runs = _started(contestants(workload, peers), script, rounds, stack)
        for server, wrk in runs:
            wrk.run(min(0.3, rounds.seconds))  # warm
            results.append(Measured(server.peer.name, server.workload))
        for number in range(rounds.count):
            # Not always one after the same other.
            order = list(zip(runs, results, strict=True))
            for (server, wrk), result in order[number % len(order) :] + order[: number % len(order)] if order else []:
                _measure_once(server, wrk, result, rounds.seconds)
        for (server, _), result in zip(runs, results, strict=True):
            result.peak_memory = server.peak_memory()
    return results


def contestants(workload: Workload, peers: Iterable[Peer]) -> list[tuple[Peer, Workload]]:
    """The peers that can serve it, and our own lanes with what they are to be compared with."""
    able = [peer for peer in peers if workload.name in peer.workloads]
    beside = [
        (peer, WORKLOADS[workload.beside]) for peer in able if workload.beside is not None and peer.name in OURS
    ]
    return [(peer, workload) for peer in able] + beside


def _started(
    able: list[tuple[Peer, Workload]], script: Path | None, rounds: Rounds, stack: ExitStack
) -> list[tuple[Server, Wrk]]:
    servers = [
        (stack.enter_context(Server(peer, workload.name, core=rounds.pinning.server)), workload)
        for peer, workload in able
    ]
    runs = []
    for server, workload in servers:
        try:
            server.wait_until_it_answers()
            headers = checked_headers(server, workload)
        except CannotMeasure as error:
            rounds.tell(str(error))
            continue
        url = f"http://127.0.0.1:{server.port}{workload.path}"
        runs.append((server, Wrk(url, workload.connections, headers, script, rounds.pinning.client)))
    return runs


def _measure_once(server: Server, wrk: Wrk, result: Measured, seconds: float) -> None:
    before = server.cpu_seconds()
    load = wrk.run(seconds)
    time.sleep(_SETTLE)
    result.loads.append(load)
    result.cpu.append((server.cpu_seconds() - before) / max(load.requests, 1) * 1000)
