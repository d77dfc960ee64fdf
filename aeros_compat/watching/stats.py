"""What ``app.lane_stats()`` gives: a tree of frozen dataclasses."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ..lanes.choice import is_quarts_view, lane_of
from .sockets import WebsocketStats
from .tally import RouteStats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..webserver import WebServer
    from .history import Sample
    from .watch import Watch
    from .watchdog import Block


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
    #: Threads that work on requests which have been answered with 504.
    overdue: int
    #: Time that the workers together have been busy, from looks at them twenty times a second.
    busy_seconds: float


@dataclass(frozen=True)
class LoopStats:
    #: Blocks of the event loop, and the longest of them.
    blocks: int
    longest_block: Block | None
    #: The latest block of each place, the longest first.
    places: tuple[Block, ...]


@dataclass(frozen=True)
class WorkerStats:
    """One of the worker processes that have been added up, in short."""

    pid: int
    since: float
    at: float
    requests: int
    errors: int
    threads: ThreadStats
    #: Blocks of its event loop, and the longest of them in seconds.
    blocks: int
    longest_block: float


@dataclass(frozen=True)
class LaneStats:
    """One process, or the workers of one server added up. Times are seconds; ``since`` and ``at`` are Unix time."""

    name: str
    #: Of the process; of workers that were added up, their parent's.
    pid: int
    #: False: nobody watches, and what would have been counted is zero.
    watched: bool
    since: float
    at: float
    threads: ThreadStats
    loop: LoopStats
    routes: tuple[RouteStats, ...]
    #: One for each second of the last ten minutes in which the application was served.
    samples: tuple[Sample, ...]
    websockets: tuple[WebsocketStats, ...] = ()
    #: The workers that have been added up, by their ages; of one process, none.
    workers: tuple[WorkerStats, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The tree as dictionaries, lists, strings and numbers, which can be written as JSON."""
        return asdict(self)


def stats_of(app: WebServer) -> LaneStats:
    """What is known of an application in this process."""
    watch = app.watch
    now = time.time()
    return LaneStats(
        name=app.name,
        pid=os.getpid(),
        watched=watch is not None,
        since=watch.since if watch else now,
        at=now,
        threads=_threads(app, watch),
        loop=_loop(watch),
        routes=tuple(_routes(app, watch.routes() if watch else [])),
        samples=watch.history.samples() if watch else (),
        websockets=tuple(_websockets(app, watch.sockets.routes() if watch else [])),
    )


def _threads(app: WebServer, watch: Watch | None) -> ThreadStats:
    threads = app.threads
    return ThreadStats(
        workers=threads.limit,
        busy=threads.busy,
        waiting=threads.waiting,
        leases=threads.leases,
        kept=threads.kept,
        overdue=len(app.overdue),
        busy_seconds=watch.history.busy_seconds if watch else 0.0,
    )


def _loop(watch: Watch | None) -> LoopStats:
    if watch is None:
        return LoopStats(0, None, ())
    return LoopStats(watch.blocks, watch.longest_block, tuple(watch.places()))


def _routes(app: WebServer, counted: list[RouteStats]) -> Iterator[RouteStats]:
    """All routes in the order of their registration, then what was asked for without one."""
    by_key = {(route.rule, route.method, route.endpoint): route for route in counted}
    for rule in app.url_map.iter_rules():
        view = app.view_functions.get(rule.endpoint)
        if rule.websocket or view is None:
            continue
        for method in sorted(rule.methods or ()):
            found = by_key.pop((rule.rule, method, rule.endpoint), None)
            if found is not None or method not in ("HEAD", "OPTIONS"):
                lane, reason = lane_of(app, view, method)
                found = found or RouteStats(rule.rule, method, rule.endpoint, "", "")
                yield replace(found, lane=lane, reason=reason)
    yield from by_key.values()


def _websockets(app: WebServer, counted: list[WebsocketStats]) -> Iterator[WebsocketStats]:
    """The same for websockets."""
    by_route = {(route.rule, route.endpoint): route for route in counted}
    for rule in app.url_map.iter_rules():
        if rule.websocket:
            lane = "async" if is_quarts_view(app, rule) and not app.encloses_views else "sync"
            found = by_route.pop((rule.rule, rule.endpoint), None)
            yield found or WebsocketStats(rule.rule, rule.endpoint, lane)
    yield from by_route.values()
