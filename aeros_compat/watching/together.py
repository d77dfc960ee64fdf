"""The figures of several processes, added up: what one server has done, however many workers it has."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import astuple, replace
from typing import TYPE_CHECKING

from .history import SAMPLE_EVERY, SAMPLES, Sample
from .stats import LaneStats, LoopStats, ThreadStats, WorkerStats
from .watch import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .sockets import WebsocketStats
    from .tally import RouteStats
    from .watchdog import Block


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
    routes: dict[tuple[str, str, str], RouteStats] = {}
    for stats in every:
        for route in stats.routes:
            key = (route.rule, route.method, route.endpoint)
            known = routes.get(key)
            routes[key] = route if known is None else _sum_of_routes(known, route)
    return tuple(routes.values())


def _sum_of_routes(one: RouteStats, other: RouteStats) -> RouteStats:
    return replace(
        one,
        requests=one.requests + other.requests,
        errors=one.errors + other.errors,
        hops=one.hops + other.hops,
        view=one.view + other.view,
        wait=one.wait + other.wait,
    )


def _websockets(every: Sequence[LaneStats]) -> tuple[WebsocketStats, ...]:
    routes: dict[tuple[str, str], WebsocketStats] = {}
    for stats in every:
        for route in stats.websockets:
            known = routes.get((route.rule, route.endpoint))
            routes[route.rule, route.endpoint] = route if known is None else _sum_of_websockets(known, route)
    return tuple(routes.values())


def _sum_of_websockets(one: WebsocketStats, other: WebsocketStats) -> WebsocketStats:
    return replace(
        one,
        accepted=one.accepted + other.accepted,
        open=one.open + other.open,
        refused=one.refused + other.refused,
        errors=one.errors + other.errors,
        received=one.received + other.received,
        sent=one.sent + other.sent,
    )


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
