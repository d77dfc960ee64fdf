"""What workers leave for each other, and what it comes to together."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from aeros_compat import WebServer
from aeros_compat.watching.durations import Durations
from aeros_compat.watching.history import Sample
from aeros_compat.watching.ledger import SILENCE, Ledger
from aeros_compat.watching.sockets import WebsocketStats
from aeros_compat.watching.stats import LaneStats, LoopStats, ThreadStats
from aeros_compat.watching.tally import RouteStats
from aeros_compat.watching.together import together
from aeros_compat.watching.watchdog import Block

if TYPE_CHECKING:
    from pathlib import Path


def figures(pid: int, seconds: list[float], at: float = 1000.0) -> LaneStats:
    durations = Durations()
    for value in seconds:
        durations.add(value)
    view = durations.snapshot()
    block = Block(float(pid), at, f"view in file.py:{pid}", ("file.py:1 in view: sleep()",))
    return LaneStats(
        name="tests.ledger",
        pid=pid,
        watched=True,
        since=at - pid,
        at=at,
        threads=ThreadStats(8, 2, 1, 0, 0, 0, busy_seconds=sum(seconds)),
        loop=LoopStats(1, block, (block,)),
        routes=(RouteStats("/x", "GET", "x", "sync", "", requests=len(seconds), hops=len(seconds), view=view),),
        samples=(Sample(at, 1 / pid, pid, 0, 0.1),),
        websockets=(WebsocketStats("/echo", "echo", "async", accepted=3, open=1, received=5, sent=4),),
    )


def test_processes_are_added_up() -> None:
    whole = together(7, [figures(1, [0.2, 0.4]), figures(2, [0.01])], [figures(4, [3.0])])
    (route,) = whole.routes
    assert (whole.pid, route.requests, route.hops, route.view.count) == (7, 4, 4, 4)
    assert route.view.total == pytest.approx(3.61)
    assert route.view.longest == 3.0
    assert 0.01 < route.view.p50 < route.view.p95 <= 3.0
    # The one that has ended has no threads and no open websocket any more; what it has counted stays.
    assert (whole.threads.workers, whole.threads.busy, whole.threads.waiting) == (16, 4, 2)
    assert whole.threads.busy_seconds == pytest.approx(3.61)
    (websocket,) = whole.websockets
    assert (websocket.accepted, websocket.open, websocket.received) == (9, 2, 15)
    assert whole.loop.blocks == 3
    assert [block.seconds for block in whole.loop.places] == [4, 2, 1]
    assert [worker.pid for worker in whole.workers] == [2, 1]
    (sample,) = whole.samples
    assert sample.saturation == pytest.approx((1 + 1 / 2 + 1 / 4) / 3)
    assert sample.waiting == 7


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path))
    now = time.time()
    here, silent = figures(1, [0.2], now), figures(2, [0.3], now - SILENCE - 1)
    ledger.write(here)
    ledger.write(silent)
    assert ledger.read() == ([here], [silent])


def test_workers_that_have_ended_become_one_file(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path))
    now = time.time()
    for pid in range(1, 6):
        ledger.write(figures(pid, [0.1 * pid], now))
        ledger.fold({pid})
    assert len(list(tmp_path.iterdir())) == 2
    living, ended = ledger.read()
    assert [stats.pid for stats in living] == [5]
    # It has just been written, and is none of the living all the same.
    whole = together(0, living, ended)
    assert sum(route.requests for route in whole.routes) == 5
    assert whole.threads.workers == 8


def test_a_file_that_is_about_to_go_is_not_counted_twice(tmp_path: Path) -> None:
    """The supervisor has written the sum, and not yet removed the file that is in it."""
    ledger = Ledger(str(tmp_path))
    gone = figures(1, [0.1], time.time())
    ledger.write(gone)
    kept = (tmp_path / "1.json").read_bytes()
    ledger.fold(set())
    (tmp_path / "1.json").write_bytes(kept)
    living, ended = ledger.read()
    assert sum(route.requests for stats in (*living, *ended) for route in stats.routes) == 1


def test_routes_without_a_request_are_left_out_of_the_file(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path))
    stats = figures(1, [], time.time())
    ledger.write(stats)
    assert ledger.read() == ([replace(stats, routes=())], [])


def test_alone_it_is_the_process_itself() -> None:
    app = WebServer("tests.ledger", watch=True)
    assert app.lane_stats(all_workers=True).pid == app.lane_stats().pid
    assert app.lane_stats(all_workers=True).workers == ()
