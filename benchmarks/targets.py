"""What this project has set itself, and whether it holds: ratios of medians in one run, of our lanes to the peers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .measurement import cpu_ratio, rate_ratio
from .peers import ASYNC, OURS, PEERS, SYNC
from .workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .crowding import Latency
    from .measurement import Measured
    from .starting import Start


@dataclass(frozen=True)
class Target:
    """A lane serves a workload at least so many times as fast as a peer does."""

    lane: str
    workload: str
    #: The lane itself, if it is compared with itself in another workload.
    peer: str
    peers_workload: str
    at_least: float


@dataclass(frozen=True)
class Outcome:
    """A target, and the ratio that was measured; NaN if it could not be."""

    lane: str
    what: str
    against: str
    ratio: float
    at_least: float = 0
    at_most: float = math.inf
    #: How many times as much processor time a request costs the peer.
    by_cpu: float = math.nan

    @property
    def is_met(self) -> bool:
        return self.at_least <= self.ratio <= self.at_most


def _against(lane: str, peer: str, bounds: dict[str, float]) -> Iterator[Target]:
    for names, at_least in bounds.items():
        for name in names.split():
            yield Target(lane, name, peer, name, at_least)


def _wherever_it_serves(lane: str, peer: str, at_least: float) -> Iterator[Target]:
    able = PEERS[lane].workloads & PEERS[peer].workloads
    return _against(lane, peer, {name: at_least for name in WORKLOADS if name in able})


_OVER_GTHREAD = {
    "text json": 4.0,
    "hooks cached": 3.5,
    "echo": 2.8,
    "session": 2.5,
    "template compressed": 2.0,
    "static_1m stream": 1.5,
    "upload": 1.0,
}
_OVER_QUART = {"text json": 2.7, "hooks cached": 2.5, "echo session": 2.0, "template": 1.6, "compressed": 1.4}
_OVER_STARLETTE = {"text json": 0.65, "echo template compressed": 0.9, "wait": 0.85}

TARGETS = (
    *_wherever_it_serves(SYNC, "flask-granian", 1.0),
    *_against(SYNC, "flask-gthread", _OVER_GTHREAD),
    *_wherever_it_serves(SYNC, "quart-sync", 1.5),
    *_against(ASYNC, "quart", _OVER_QUART),
    *_against(ASYNC, "starlette", _OVER_STARLETTE),
    *_against(SYNC, "flask-a2wsgi", {"mounted": 1.0}),
    *(
        Target(lane, name, lane, name_beside, 0.95)
        for lane in OURS
        for name, name_beside in (("proxyfix", "no_proxyfix"), ("routes", "few_routes"))
    ),
)

#: At most so many times what Quart on uvicorn takes.
IDLE_MEMORY, FIRST_ANSWER = 1.15, 1.1
#: At most so many times: the 99th percentile of an async view in a crowd that of it alone; that of the sync lane its
#: median.
CROWDED, CONVOY = 3.0, 3.0


def outcomes(measured: Iterable[Measured], starts: Iterable[Start], latencies: Iterable[Latency]) -> list[Outcome]:
    """The targets of which both sides have been measured."""
    found = {(one.peer, one.workload): one for one in measured}
    return [*_rates(found), *_convoy(found), *_starts(starts), *_latencies(latencies)]


def _rates(found: dict[tuple[str, str], Measured]) -> Iterator[Outcome]:
    for target in TARGETS:
        ours, theirs = found.get((target.lane, target.workload)), found.get((target.peer, target.peers_workload))
        if ours is None or theirs is None:
            continue
        against = WORKLOADS[target.peers_workload].title if target.peer == target.lane else PEERS[target.peer].title
        yield Outcome(
            target.lane,
            WORKLOADS[target.workload].title,
            against,
            rate_ratio(ours, theirs),
            at_least=target.at_least,
            by_cpu=cpu_ratio(ours, theirs),
        )


def _convoy(found: dict[tuple[str, str], Measured]) -> Iterator[Outcome]:
    text = found.get((SYNC, "text"))
    if text is not None:
        yield Outcome(SYNC, "text: 99th percentile", "its median", _over(text.p99, text.p50), at_most=CONVOY)


def _starts(starts: Iterable[Start]) -> Iterator[Outcome]:
    found = {start.peer: start for start in starts}
    if SYNC in found and "quart" in found:
        ours, theirs = found[SYNC], found["quart"]
        title = PEERS["quart"].title
        yield Outcome(SYNC, "memory when idle", title, _over(ours.idle_memory, theirs.idle_memory), at_most=IDLE_MEMORY)
        yield Outcome(
            SYNC, "time to the first answer", title, _over(ours.first_answer, theirs.first_answer), at_most=FIRST_ANSWER
        )


def _latencies(latencies: Iterable[Latency]) -> Iterator[Outcome]:
    found = {latency.crowd: latency for latency in latencies if latency.peer == ASYNC}
    if "slow" in found and "alone" in found:
        what = "text: 99th percentile beside 64 slow sync requests"
        yield Outcome(ASYNC, what, "alone", _over(found["slow"].p99, found["alone"].p99), at_most=CROWDED)


def _over(upper: float, lower: float) -> float:
    return upper / lower if lower else math.nan
