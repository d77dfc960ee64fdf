"""The text format of Prometheus.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/. Written here and not by ``prometheus_client``:
its import fills a registry of the whole process, for the sake of the forty lines below. The tests read them with its
parser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .durations import BOUNDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .durations import DurationStats
    from .sockets import WebsocketStats
    from .stats import LaneStats
    from .tally import RouteStats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = dict[str, str]


def prometheus_text(*processes: LaneStats) -> str:
    """All metrics, with the process id as a label: several processes behind one port are told apart.

    That of workers that have been added up is their supervisor's, which stays when they are replaced.
    """
    families = (*_of_processes(processes), *_of_routes(processes), *_of_websockets(processes))
    return "".join(line + "\n" for line in families)


def _pid(stats: LaneStats) -> Labels:
    return {"pid": str(stats.pid)}


def _of_processes(processes: Sequence[LaneStats]) -> Iterator[str]:
    values: tuple[tuple[str, str, str, Callable[[LaneStats], float]], ...] = (
        ("aeros_worker_threads", "gauge", "Threads that run sync views.", lambda stats: stats.threads.workers),
        ("aeros_worker_threads_busy", "gauge", "Those of them that have a job.", lambda stats: stats.threads.busy),
        ("aeros_worker_busy_seconds_total", "counter", "Time that they have had jobs.", _busy_seconds),
        ("aeros_worker_queue_length", "gauge", "Jobs that wait for a thread.", lambda stats: stats.threads.waiting),
        ("aeros_leased_threads", "gauge", "Threads held by async requests.", lambda stats: stats.threads.leases),
        ("aeros_kept_threads", "gauge", "Threads kept by streamed responses.", lambda stats: stats.threads.kept),
        ("aeros_overdue_threads", "gauge", "Threads at work for requests answered with 504.", _overdue),
        (
            "aeros_loop_blocks_total",
            "counter",
            "Times that the event loop was blocked.",
            lambda stats: stats.loop.blocks,
        ),
        ("aeros_loop_longest_block_seconds", "gauge", "The longest of these blocks.", _longest_block),
    )
    for name, kind, text, value in values:
        yield from _head(name, kind, text)
        for stats in processes:
            yield _line(name, _pid(stats), value(stats))


def _busy_seconds(stats: LaneStats) -> float:
    return stats.threads.busy_seconds


def _overdue(stats: LaneStats) -> int:
    return stats.threads.overdue


def _longest_block(stats: LaneStats) -> float:
    return stats.loop.longest_block.seconds if stats.loop.longest_block else 0.0


def _of_routes(processes: Sequence[LaneStats]) -> Iterator[str]:
    routes = [(_labels(route) | _pid(stats), route) for stats in processes for route in stats.routes if route.requests]
    counters: tuple[tuple[str, str, Callable[[RouteStats], int]], ...] = (
        ("aeros_requests_total", "Requests that have ended.", lambda route: route.requests),
        ("aeros_request_errors_total", "Those that failed: status 500 and above.", lambda route: route.errors),
        ("aeros_hops_total", "Crossings from the event loop to a thread.", lambda route: route.hops),
    )
    for name, text, count in counters:
        yield from _head(name, "counter", text)
        for labels, route in routes:
            yield _line(name, labels, count(route))
    histograms: tuple[tuple[str, str, Callable[[RouteStats], DurationStats]], ...] = (
        ("aeros_view_seconds", "Time in the view and its hooks.", lambda route: route.view),
        ("aeros_thread_wait_seconds", "Time that requests waited for threads.", lambda route: route.wait),
    )
    for name, text, durations in histograms:
        yield from _head(name, "histogram", text)
        for labels, route in routes:
            yield from _histogram(name, labels, durations(route))


def _of_websockets(processes: Sequence[LaneStats]) -> Iterator[str]:
    routes = [
        ({"rule": route.rule, "endpoint": route.endpoint, "lane": route.lane} | _pid(stats), route)
        for stats in processes
        for route in stats.websockets
        if route.accepted or route.refused
    ]
    if not routes:
        return
    values: tuple[tuple[str, str, str, Callable[[WebsocketStats], int]], ...] = (
        ("aeros_websockets_total", "counter", "Websockets that were accepted.", lambda route: route.accepted),
        ("aeros_websockets_open", "gauge", "Those of them that are open.", lambda route: route.open),
        ("aeros_websockets_refused_total", "counter", "Websockets that were refused.", lambda route: route.refused),
        ("aeros_websocket_errors_total", "counter", "Websockets that ended in an error.", lambda route: route.errors),
        ("aeros_websocket_messages_received_total", "counter", "Messages of clients.", lambda route: route.received),
        ("aeros_websocket_messages_sent_total", "counter", "Messages to clients.", lambda route: route.sent),
    )
    for name, kind, text, value in values:
        yield from _head(name, kind, text)
        for labels, route in routes:
            yield _line(name, labels, value(route))


def _labels(route: RouteStats) -> Labels:
    return {"rule": route.rule, "method": route.method, "endpoint": route.endpoint, "lane": route.lane}


def _histogram(name: str, labels: Labels, durations: DurationStats) -> Iterator[str]:
    for bound, count in zip((*map(repr, BOUNDS), "+Inf"), durations.cumulative(), strict=True):
        yield _line(f"{name}_bucket", labels | {"le": bound}, count)
    yield _line(f"{name}_sum", labels, durations.total)
    yield _line(f"{name}_count", labels, durations.count)


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _line(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
