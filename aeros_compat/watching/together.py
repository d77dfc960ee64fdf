"""The figures of several processes, added up: what one server has done, however many workers it has."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, TypeVar

from .history import SAMPLE_EVERY, SAMPLES, Sample
from .stats import LaneStats, LoopStats, ThreadStats, WorkerStats
from .watch import PLACES

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from .sockets import WebsocketStats
    from .tally import RouteStats
    from .watchdog import Block

    R = TypeVar("R", RouteStats, WebsocketStats)


def together(pid: int, living: Sequence[LaneStats], ended: Sequence[LaneStats] = ()) -> LaneStats:
    """Add up processes.

    :param pid: of the whole.
    :param living: routes that nobody has asked for are those of the first.
    :param ended: what they have counted is part of the whole; they have no threads and no open websockets any more.

    There is at least one of either.
    """
    every = [*living, *map(without_gauges, ended)]
    return LaneStats(
        name=every[0].name,
        pid=pid,
        watched=True,
        since=min(stats.since for stats in every),
        at=max(stats.at for stats in every),
        threads=_threads(stats.threads for stats in every),
        loop=_loops(every),
        routes=_routes(every),
        samples=_samples(every),
        websockets=_websockets(every),
        workers=tuple(map(in_short, sorted(living, key=lambda stats: (stats.since, stats.pid)))),
    )


def without_gauges(stats: LaneStats) -> LaneStats:
    """What is left of a process that has ended."""
    threads = ThreadStats(0, 0, 0, 0, 0, 0, busy_seconds=stats.threads.busy_seconds)
    return replace(stats, threads=threads, websockets=tuple(replace(route, open=0) for route in stats.websockets))


def in_short(stats: LaneStats) -> WorkerStats:
    """One worker of several."""
    return WorkerStats(
        pid=stats.pid,
        since=stats.since,
        at=stats.at,
        requests=sum(route.requests for route in stats.routes),
        errors=sum(route.errors for route in stats.routes),
        threads=stats.threads,
        blocks=stats.loop.blocks,
        longest_block=stats.loop.longest_block.seconds if stats.loop.longest_block else 0.0,
    )


def _threads(every: Iterable[ThreadStats]) -> ThreadStats:
    return ThreadStats(*map(sum, zip(*map(astuple, every), strict=True)))


def _loops(every: Sequence[LaneStats]) -> LoopStats:
    longest = [stats.loop.longest_block for stats in every if stats.loop.longest_block is not None]
    places: dict[str, Block] = {}
    for stats in every:
        for block in stats.loop.places:
            if block.place not in places or places[block.place].at < block.at:
                places[block.place] = block
    return LoopStats(
        sum(stats.loop.blocks for stats in every),
        max(longest, key=lambda block: block.seconds, default=None),
        tuple(sorted(places.values(), key=lambda block: -block.seconds)[:PLACES]),
    )


def _routes(every: Sequence[LaneStats]) -> tuple[RouteStats, ...]:
    routes = (route for stats in every for route in stats.routes)
    counted = ("requests", "errors", "hops", "view", "wait")
    return _added_up(routes, lambda route: (route.rule, route.method, route.endpoint), counted)


def _websockets(every: Sequence[LaneStats]) -> tuple[WebsocketStats, ...]:
    routes = (route for stats in every for route in stats.websockets)
    counted = ("accepted", "open", "refused", "errors", "received", "sent")
    return _added_up(routes, lambda route: (route.rule, route.endpoint), counted)


def _added_up(every: Iterable[R], key: Callable[[R], Hashable], counted: tuple[str, ...]) -> tuple[R, ...]:
    """One of each key, with the sums of what is ``counted``."""
    found: dict[Hashable, R] = {}
    for one in every:
        known = found.get(key(one))
        if known is not None:
            one = replace(known, **{name: getattr(known, name) + getattr(one, name) for name in counted})
        found[key(one)] = one
    return tuple(found.values())


def _samples(every: Sequence[LaneStats]) -> tuple[Sample, ...]:
    """Their seconds: the mean of their saturations (all have as many threads), and all that waited anywhere."""
    seconds: dict[int, list[Sample]] = defaultdict(list)
    for stats in every:
        for sample in stats.samples:
            seconds[int(sample.at / SAMPLE_EVERY)].append(sample)
    return tuple(_one(seconds[second]) for second in sorted(seconds)[-SAMPLES:])


def _one(samples: list[Sample]) -> Sample:
    return Sample(
        at=max(sample.at for sample in samples),
        saturation=sum(sample.saturation for sample in samples) / len(samples),
        waiting=sum(sample.waiting for sample in samples),
        leases=sum(sample.leases for sample in samples),
        loop_delay=max(sample.loop_delay for sample in samples),
    )
