"""Response rate by number of workers and concurrent requests, and by worker threads: what sizes are worth having.

    python -m benchmarks.workers

Writes ``workers.md`` and ``workers.svg`` into ``benchmarks/results``, and what was measured into
``migration_guide/sizing.md``. All servers run all the time and take turns, each
round in another order; the figures are medians of the rounds.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import defaultdict
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from platform import python_version
from statistics import median
from typing import TYPE_CHECKING

from .content import ROOT
from .lines import Chart, svg
from .load import Wrk
from .peers import Peer
from .processes import CannotMeasure, Server
from .sizes import section_of, write_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

RESULTS = ROOT / "benchmarks" / "results"

WORKERS, CONNECTIONS, THREADS_OF_A_WORKER = (1, 2, 4, 8), (1, 16, 64, 256), 8
THREADS, CONNECTIONS_OF_THREADS = (1, 2, 4, 8, 16, 32, 64), 64
VIEWS = {"text": "text", "template": "a template", "blocking": "10 ms of waiting"}
VIEWS_OF_WORKERS = ("text", "blocking")
#: An async view, asked over one connection while all threads render templates: they take the interpreter from the loop.
BESIDE = "async"


@dataclass(frozen=True)
class Size:
    """Of a server."""

    workers: int
    threads: int


@dataclass(frozen=True)
class Question:
    """What is asked of which server, over so many connections at a time."""

    view: str
    size: Size
    connections: int


@dataclass(frozen=True)
class Figure:
    """Of one measurement, or medians of several. Times are seconds."""

    rate: float
    p99: float
    #: Processor time of the server for a request: what is left when the machine has other work to do.
    cpu: float


Figures = dict[Question, Figure]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=1, help="of each measurement")
    options = parser.parse_args()
    try:
        figures, memory = measure(questions(), options.rounds, options.seconds)
    except CannotMeasure as error:
        sys.exit(f"Error: {error}")
    write(figures, memory, RESULTS)
    write_page(section(figures, memory))


def questions() -> list[Question]:
    by_workers = [
        Question(view, Size(workers, THREADS_OF_A_WORKER), connections)
        for view in VIEWS_OF_WORKERS
        for workers in WORKERS
        for connections in CONNECTIONS
    ]
    by_threads = [Question(view, Size(1, threads), CONNECTIONS_OF_THREADS) for view in VIEWS for threads in THREADS]
    beside = [Question(BESIDE, Size(1, threads), 1) for threads in THREADS]
    return list(dict.fromkeys(by_workers + by_threads + beside))


def measure(asked: Sequence[Question], rounds: int, seconds: int) -> tuple[Figures, dict[Size, int]]:
    """The figures, and the resident bytes of each server afterwards.

    :raises CannotMeasure: if a server does not start, or does not answer every request.
    """
    found = defaultdict[Question, list[Figure]](list)
    with ExitStack() as stack:
        servers = started(dict.fromkeys(question.size for question in asked), stack)
        for number in range(rounds):
            for done, question in enumerate(random.sample(asked, len(asked)), 1):
                _progress(f"round {number + 1} of {rounds}: {done} of {len(asked)}")
                found[question].append(_answered(servers[question.size], question, seconds))
        memory = {size: server.memory() for size, server in servers.items()}
    return {question: _medians(found[question]) for question in asked}, memory


def _answered(server: Server, question: Question, seconds: int) -> Figure:
    before = server.cpu_seconds()
    url = f"http://127.0.0.1:{server.port}"
    crowd = Wrk(f"{url}/template", CONNECTIONS_OF_THREADS).running() if question.view == BESIDE else nullcontext()
    with crowd:
        load = Wrk(f"{url}/{question.view}", question.connections).run(seconds)
    if load.errors:
        raise CannotMeasure(f"{load.errors} of {load.requests} requests failed: {question}")
    # None answered in time: the first one takes at least as long as was waited for it.
    p99 = load.p99 if load.requests else seconds
    return Figure(load.rate, p99, (server.cpu_seconds() - before) / max(load.requests, 1))


def _medians(figures: Sequence[Figure]) -> Figure:
    return Figure(
        rate=median(figure.rate for figure in figures),
        p99=median(figure.p99 for figure in figures),
        cpu=median(figure.cpu for figure in figures),
    )


def started(sizes: Iterable[Size], stack: ExitStack) -> dict[Size, Server]:
    """A server of each size, which has answered. One starts after the other: each has the machine for itself."""
    servers = {}
    for size in sizes:
        _progress(f"starting {_peer(size).title}")
        server = stack.enter_context(Server(_peer(size), "all"))
        server.wait_until_it_answers()
        Wrk(f"http://127.0.0.1:{server.port}/template", size.workers * 4).run(1)  # warm, and not only one worker
        servers[size] = server
    return servers


def _progress(text: str) -> None:
    print(f"\r{text:60}", end="", file=sys.stderr, flush=True)


def _peer(size: Size) -> Peer:
    title = f"{size.workers} workers with {size.threads} threads"
    command = (
        f"aeros_compat run benchmarks.served:app --workers {size.workers} --threads {size.threads} --port {{port}}"
        " --no-access-log --log-level warning"
    )
    return Peer(title, title, command, "by_path", frozenset(VIEWS))


def write(figures: Figures, memory: dict[Size, int], folder: Path) -> None:
    """The tables and the picture."""
    folder.mkdir(exist_ok=True)
    (folder / "workers.md").write_text(markdown(figures, memory))
    (folder / "workers.svg").write_text(svg(charts(figures), "Response rate by workers, requests and threads"))
    print(markdown(figures, memory))


def section(figures: Figures, memory: dict[Size, int]) -> str:
    """What the page about sizes says of it."""
    return section_of(
        {threads: figures[_of_threads("blocking", threads)] for threads in (1, 8, 64)},
        {threads: figures[_of_threads("template", threads)] for threads in (1, 8, 64)},
        {workers: _rates(figures, "blocking", workers)[CONNECTIONS.index(64)] for workers in WORKERS},
        {workers: memory[Size(workers, THREADS_OF_A_WORKER)] for workers in WORKERS},
    )


def charts(figures: Figures) -> list[Chart]:
    """The ancestor's graph, for a view that computes and one that waits; and the same for threads."""
    found = [
        Chart(
            f"Responses in a second: {VIEWS[view]}",
            "concurrent requests",
            CONNECTIONS,
            {f"{workers} worker{'s' * (workers > 1)}": _rates(figures, view, workers) for workers in WORKERS},
        )
        for view in VIEWS_OF_WORKERS
    ]
    lines = {VIEWS[view]: [figures[_of_threads(view, threads)].rate for threads in THREADS] for view in VIEWS}
    title = f"One worker, {CONNECTIONS_OF_THREADS} concurrent requests, share of the best"
    shares = {name: [100 * rate / max(rates) for rate in rates] for name, rates in lines.items()}
    return [*found, Chart(title, "worker threads", THREADS, shares)]


def _rates(figures: Figures, view: str, workers: int) -> list[float]:
    return [
        figures[Question(view, Size(workers, THREADS_OF_A_WORKER), connections)].rate for connections in CONNECTIONS
    ]


def markdown(figures: Figures, memory: dict[Size, int]) -> str:
    parts = [
        f"Measured with {os.cpu_count()} cores, which clients and servers shared, and Python {python_version()}; load"
        f" average {os.getloadavg()[2]:.0f} in the 15 minutes until then.\n"
    ]
    for view in VIEWS_OF_WORKERS:
        rows = [[workers, *(f"{rate:,.0f}" for rate in _rates(figures, view, workers))] for workers in WORKERS]
        title = f"Responses in a second: {VIEWS[view]}, {THREADS_OF_A_WORKER} threads in each worker"
        heads = ["workers", *(f"{connections} at a time" for connections in CONNECTIONS)]
        parts.append(_table(title, heads, rows))
    rows = [
        [
            threads,
            *(_cell(figures[_of_threads(view, threads)]) for view in VIEWS),
            f"{figures[Question(BESIDE, Size(1, threads), 1)].p99 * 1000:,.0f} ms",
        ]
        for threads in THREADS
    ]
    title = (
        f"Responses in a second, 99th percentile of the time for one, processor time for one: one worker,"
        f" {CONNECTIONS_OF_THREADS} at a time"
    )
    parts.append(_table(title, ["threads", *VIEWS.values(), "99th percentile of an async view beside templates"], rows))
    rows = [[workers, f"{memory[Size(workers, THREADS_OF_A_WORKER)] / 2**20:,.0f}"] for workers in WORKERS]
    parts.append(
        _table("Resident memory after it, MiB, with the process that watches the workers", ["workers", "MiB"], rows)
    )
    return "\n".join(parts)


def _of_threads(view: str, threads: int) -> Question:
    return Question(view, Size(1, threads), CONNECTIONS_OF_THREADS)


def _cell(figure: Figure) -> str:
    return f"{figure.rate:,.0f}; {figure.p99 * 1000:,.0f} ms; {figure.cpu * 1000:.2f} ms"


def _table(title: str, heads: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---:"] * len(heads), *rows]
    return f"{title}:\n\n" + "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
