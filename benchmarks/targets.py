"""What this project has set itself: ratios in one run, of our lanes to the peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .measurement import ratio
from .peers import ASYNC, OURS, PEERS, SYNC
from .workloads import BASELINES, WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .measurement import Measured


@dataclass(frozen=True)
class Target:
    """A lane serves a workload at least so many times as fast as a peer."""

    workload: str
    lane: str
    #: The name of a peer; the lane's own, if it is compared with itself without something.
    peer: str
    at_least: float
    #: The workload that the peer serves.
    peers_workload: str

    @property
    def title(self) -> str:
        if self.peer == self.lane:
            return f"itself, {WORKLOADS[self.peers_workload].title}"
        return PEERS[self.peer].title


@dataclass(frozen=True)
class Outcome:
    """A target and the ratio that was measured."""

    target: Target
    ratio: float

    @property
    def is_met(self) -> bool:
        return self.ratio >= self.target.at_least


def _least(lane: str, peer: str, ratios: dict[str, float]) -> Iterator[Target]:
    for names, at_least in ratios.items():
        for name in names.split():
            yield Target(name, lane, peer, at_least, name)


def _all() -> Iterator[Target]:
    yield from _least(
        SYNC, "flask-granian", {name: 1.0 for name in WORKLOADS if name in PEERS["flask-granian"].workloads}
    )
    yield from _least(
        SYNC,
        "flask-gthread",
        {
            "text json": 4.0,
            "hooks cached": 3.5,
            "echo": 2.8,
            "session": 2.5,
            "template compressed": 2.0,
            "static_1m stream": 1.5,
            "upload": 1.0,
        },
    )
    yield from _least(SYNC, "quart-sync", {name: 1.5 for name in WORKLOADS if name in PEERS["quart-sync"].workloads})
    yield from _least(
        ASYNC,
        "quart",
        {"text json": 2.7, "hooks cached": 2.5, "echo session": 2.0, "template": 1.6, "compressed": 1.4},
    )
    yield from _least(ASYNC, "starlette", {"text json": 0.65, "echo template compressed": 0.9, "wait": 0.85})
    yield from _least(SYNC, "flask-a2wsgi", {"mounted": 1.0})
    for lane in OURS:
        for name, workload in WORKLOADS.items():
            if workload.beside in BASELINES:
                yield Target(name, lane, lane, 0.95, str(workload.beside))


TARGETS = tuple(_all())


def outcomes(results: Iterable[Measured]) -> list[Outcome]:
    """The targets of which both sides have been measured."""
    found = {(one.peer, one.workload): one for one in results}
    return [
        Outcome(target, ratio(found[target.lane, target.workload], found[target.peer, target.peers_workload]))
        for target in TARGETS
        if (target.lane, target.workload) in found and (target.peer, target.peers_workload) in found
    ]
