"""The text format of Prometheus.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/. Written here and not by ``prometheus_client``:
its import fills a registry of the whole process, for the sake of the forty lines below. The tests read them with its
parser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .durations import BOUNDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .durations import DurationStats
    from .stats import LaneStats
    from .tally import RouteStats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = dict[str, str]


def prometheus_text(stats: LaneStats) -> str:
    """All metrics, with the process id as a label: several workers behind one port are told apart."""
    process = {"pid": str(stats.pid)}
    return "".join(line + "\n" for line in (*_of_process(stats, process), *_of_routes(stats, process)))


def _of_process(stats: LaneStats, process: Labels) -> Iterator[str]:
    threads, loop = stats.threads, stats.loop
    longest = loop.longest_block.seconds if loop.longest_block else 0.0
    for name, kind, text, value in (
        ("aeros_worker_threads", "gauge", "Threads that run sync views.", threads.workers),
        ("aeros_worker_threads_busy", "gauge", "Those of them that have a job.", threads.busy),
        ("aeros_worker_busy_seconds_total", "counter", "Time that they have had jobs.", threads.busy_seconds),
        ("aeros_worker_queue_length", "gauge", "Jobs that wait for a worker thread.", threads.waiting),
        ("aeros_leased_threads", "gauge", "Threads held by async requests.", threads.leases),
        ("aeros_kept_threads", "gauge", "Threads kept by streamed responses.", threads.kept),
        ("aeros_overdue_threads", "gauge", "Threads at work for requests answered with 504.", threads.overdue),
        ("aeros_loop_blocks_total", "counter", "Times that the event loop was blocked.", loop.blocks),
        ("aeros_loop_longest_block_seconds", "gauge", "The longest of these blocks.", longest),
    ):
        yield from _head(name, kind, text)
        yield _line(name, process, value)


def _of_routes(stats: LaneStats, process: Labels) -> Iterator[str]:
    routes = [(_labels(route) | process, route) for route in stats.routes if route.requests]
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
