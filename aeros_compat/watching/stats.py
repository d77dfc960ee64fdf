"""What ``app.lane_stats()`` gives: a tree of frozen dataclasses."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ..lanes.choice import lane_of
from .durations import NO_DURATIONS, DurationStats
from .threads import CountedThreads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..webserver import WebServer
    from .history import Sample
    from .tally import Counters, Key
    from .watch import Watch
    from .watchdog import Block


@dataclass(frozen=True)
class RouteStats:
    """One route and HTTP method, or what was asked for without a route."""

    rule: str
    method: str
    endpoint: str
    #: ``sync``, ``async``, ``async on a thread`` or ``mount``.
    lane: str
    #: What keeps an async view on a thread: decorators, WSGI middleware, an overridden method.
    reason: str
    requests: int = 0
    #: Responses with a status of 500 and above, and requests that failed without a response.
    errors: int = 0
    #: Crossings from the event loop to a thread.
    hops: int = 0
    #: Time in the view, and the hooks around it.
    view: DurationStats = NO_DURATIONS
    #: Time that a request waited for threads.
    wait: DurationStats = NO_DURATIONS


@dataclass(frozen=True)
class ThreadStats:
    #: Worker threads, those that have a job, and jobs that wait for one.
    workers: int
    busy: int
    waiting: int
    #: Threads that async requests hold for their sync pieces.
    leases: int
    #: Threads that streamed responses keep.
    kept: int
    #: Time that the workers together have been busy.
    busy_seconds: float


@dataclass(frozen=True)
class LoopStats:
    #: Blocks of the event loop, and the longest of them.
    blocks: int
    longest_block: Block | None
    #: The latest block of each place, the longest first.
    places: tuple[Block, ...]


@dataclass(frozen=True)
class LaneStats:
    """One process. Times are seconds; ``since`` and ``at`` are Unix time."""

    name: str
    pid: int
    #: False: nobody watches, and what would have been counted is zero.
    watched: bool
    since: float
    at: float
    in_progress: int
    threads: ThreadStats
    loop: LoopStats
    routes: tuple[RouteStats, ...]
    #: One for each second of the last ten minutes in which the application was served.
    samples: tuple[Sample, ...]

    def as_dict(self) -> dict[str, Any]:
        """The tree as dictionaries, lists, strings and numbers, which can be written as JSON."""
        return asdict(self)


def stats_of(app: WebServer) -> LaneStats:
    """What is known of an application in this process."""
    watch = app.watch
    now = time.time()
    in_progress, counted = watch.counted() if watch else (0, {})
    return LaneStats(
        name=app.name,
        pid=os.getpid(),
        watched=watch is not None,
        since=watch.since if watch else now,
        at=now,
        in_progress=in_progress,
        threads=_threads(app),
        loop=_loop(watch),
        routes=tuple(_routes(app, counted)),
        samples=watch.history.samples() if watch else (),
    )


def _threads(app: WebServer) -> ThreadStats:
    threads = app.threads
    counted = threads if isinstance(threads, CountedThreads) else None
    return ThreadStats(
        workers=threads.limit,
        busy=counted.busy if counted else 0,
        waiting=threads.waiting,
        leases=threads.leases,
        kept=threads.kept,
        busy_seconds=counted.busy_seconds() if counted else 0.0,
    )


def _loop(watch: Watch | None) -> LoopStats:
    if watch is None:
        return LoopStats(0, None, ())
    return LoopStats(watch.blocks, watch.longest_block, tuple(watch.places()))


def _routes(app: WebServer, counters: dict[Key, Counters]) -> Iterator[RouteStats]:
    """All routes in the order of their registration, then what was asked for without one."""
    counted = {key: _route(key, each) for key, each in counters.items()}
    for rule in app.url_map.iter_rules():
        view = app.view_functions.get(rule.endpoint)
        if rule.websocket or view is None:
            continue
        for method in sorted(rule.methods or ()):
            found = counted.pop((rule.rule, method, rule.endpoint), None)
            if found is not None or method not in ("HEAD", "OPTIONS"):
                lane, reason = lane_of(app, view, method)
                found = found or RouteStats(rule.rule, method, rule.endpoint, "", "")
                yield replace(found, lane=lane, reason=reason)
    yield from counted.values()


def _route(key: Key, counters: Counters) -> RouteStats:
    return RouteStats(
        *key,
        lane=counters.lane,
        reason="",
        requests=counters.requests,
        errors=counters.errors,
        hops=counters.hops,
        view=counters.view.snapshot(),
        wait=counters.wait.snapshot(),
    )
