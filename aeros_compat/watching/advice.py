"""What to convert first, in words and shares, for whoever plans the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .stats import LaneStats
    from .tally import RouteStats

#: Views that are named.
NAMED = 3

#: A request waits for a thread when it waits for longer than a hop takes on a busy machine. Seconds.
_A_WAIT = 0.005


class Candidate(NamedTuple):
    """A view that holds worker threads."""

    route: RouteStats
    #: Of the time for which all views have held them: 0 to 1.
    share: float

    @property
    def advice(self) -> str:
        if self.route.reason:
            return f"It is async already. What keeps it on a thread: {self.route.reason}."
        if not self.route.endpoint:
            return "It is no view of this application, but a mounted one, or what Flask answers by itself."
        if self.route.endpoint.rpartition(".")[2] == "static":
            return "Files: a server in front, or a cache, can send them."
        return "Make it async def, if what it waits for can be awaited."


class Advice(NamedTuple):
    verdict: str
    candidates: tuple[Candidate, ...]


def advice_for(stats: LaneStats) -> Advice:
    """The views that hold the worker threads for the longest, and whether that holds up anybody."""
    holding = [route for route in stats.routes if route.requests and route.lane not in ("async", "mount")]
    held = sum(route.view.total for route in holding)
    if not held:
        return Advice("No view has held a worker thread: there is nothing to convert.", ())
    holding.sort(key=lambda route: -route.view.total)
    candidates = tuple(Candidate(route, route.view.total / held) for route in holding[:NAMED])
    return Advice(_verdict(stats, holding), candidates)


def _verdict(stats: LaneStats, holding: list[RouteStats]) -> str:
    requests = sum(route.requests for route in holding)
    wait = sum(route.wait.total for route in holding) / requests
    full = sum(1 for sample in stats.samples if sample.saturation >= 0.9)
    if wait < _A_WAIT and not full:
        return "Threads are free whenever one is needed: nothing presses. These views use them most."
    seconds = f"All threads were busy in {full} of the last {len(stats.samples)} seconds, and a" if full else "A"
    return (
        f"{seconds} request of a sync view waited {wait * 1000:.0f} ms for one on the average. Each view that no longer"
        " needs a thread makes room for the others: these first."
    )
