"""Rounds: every peer of a workload in turn, again and again, so that a busy machine is unfair to all of them alike.

Each round has new processes: one can be a quarter slower than the next of the same program, for all its life, by where
its memory happens to lie.
"""

from __future__ import annotations

import math
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

#: Seconds of load before the first round: threads are started, templates compiled.
_WARM = 0.3
#: Seconds for a server to finish what clients have left behind, before its processor time is read.
_SETTLE = 0.1


@dataclass(frozen=True)
class Rounds:
    """How much is measured, where, and who is told meanwhile."""

    count: int
    #: Of each peer in each round.
    seconds: int
    tell: Callable[[str], None]
    #: The processor cores of servers and of clients; None for any.
    server_core: int | None = None
    client_core: int | None = None


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


def rate_ratio(ours: Measured, theirs: Measured) -> float:
    """How many times as many requests we serve: the median of the rounds' ratios. NaN if they have served none."""
    return _median_ratio([load.rate for load in ours.loads], [load.rate for load in theirs.loads])


def cpu_ratio(ours: Measured, theirs: Measured) -> float:
    """How many times as much processor time a request costs them. NaN if ours cost less than the system counts."""
    return _median_ratio(theirs.cpu, ours.cpu)


def _median_ratio(upper: list[float], lower: list[float]) -> float:
    ratios = [one / other for one, other in zip(upper, lower, strict=True) if other]
    return statistics.median(ratios) if ratios else math.nan


def measure(workload: Workload, peers: Iterable[Peer], rounds: Rounds) -> list[Measured]:
    """In each round start the peers that can serve it, check them and measure them.

    One that fails in any of them is told and left out.
    """
    results = {
        (peer.name, served.name): (peer, served, Measured(peer.name, served.name))
        for peer, served in contestants(workload, peers)
    }
    with posting(workload.body) as script:
        for number in range(rounds.count):
            failed = _measure_once(list(results.values()), number, script, rounds)
            results = {key: one for key, one in results.items() if key not in failed}
    return [result for _, _, result in results.values()]


def _measure_once(
    contestants: list[tuple[Peer, Workload, Measured]], number: int, script: Path | None, rounds: Rounds
) -> set[tuple[str, str]]:
    """One round: all of them are started, and then asked one after the other. Returns those that have failed."""
    with ExitStack() as stack:
        servers = [
            (stack.enter_context(Server(peer, served.name, core=rounds.server_core)), served, result)
            for peer, served, result in contestants
        ]
        contests = [
            contest
            for server, served, result in servers
            if (contest := _checked(server, served, result, script, rounds)) is not None
        ]
        start = number % max(len(contests), 1)  # not always one after the same other
        done = [one.result for one in contests[start:] + contests[:start] if one.is_measured(rounds)]
    return {(result.peer, result.workload) for _, _, result in contestants if result not in done}


def contestants(workload: Workload, peers: Iterable[Peer]) -> list[tuple[Peer, Workload]]:
    """The peers that can serve it, and our own lanes once more with what they are to be compared with."""
    able = [peer for peer in peers if workload.name in peer.workloads]
    ours = [peer for peer in able if peer.name in OURS and workload.beside]
    return [(peer, workload) for peer in able] + [(peer, WORKLOADS[str(workload.beside)]) for peer in ours]


@dataclass
class Contest:
    """A server under load, and what it has done."""

    server: Server
    wrk: Wrk
    result: Measured

    def is_measured(self, rounds: Rounds) -> bool:
        """Measure it in one round; False, and a sentence, if that fails."""
        before = self.server.cpu_seconds()
        try:
            load = self.wrk.run(rounds.seconds)
        except CannotMeasure as error:
            rounds.tell(f"{self.server.peer.title} is out: {error} ({self.server.last_words()})")
            return False
        time.sleep(_SETTLE)
        self.result.loads.append(load)
        self.result.cpu.append((self.server.cpu_seconds() - before) / max(load.requests, 1) * 1000)
        self.result.peak_memory = max(self.result.peak_memory, self.server.peak_memory())
        return True


def _checked(
    server: Server, workload: Workload, result: Measured, script: Path | None, rounds: Rounds
) -> Contest | None:
    """A server that answers as it must, warm; None, and a sentence, for another."""
    try:
        server.wait_until_it_answers()
        headers = checked_headers(server, workload)
    except CannotMeasure as error:
        rounds.tell(str(error))
        return None
    url = f"http://127.0.0.1:{server.port}{workload.path}"
    wrk = Wrk(url, workload.connections, headers, script, rounds.client_core)
    with wrk.running():
        time.sleep(_WARM)
    return Contest(server, wrk, result)
