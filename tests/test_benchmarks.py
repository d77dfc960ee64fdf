"""The benchmarks: what they read from wrk, how they compare, and a small real run."""

from __future__ import annotations

from importlib import import_module
from xml.etree import ElementTree

import pytest

from benchmarks.__main__ import main, parse
from benchmarks.content import DOCUMENT, ECHOED, MANY_ROWS, SCRATCH, as_json
from benchmarks.load import Load
from benchmarks.load import parse as parse_wrk
from benchmarks.measurement import Measured, Rounds, measure
from benchmarks.peers import ASYNC, PEERS, SYNC, Peer
from benchmarks.picture import svg
from benchmarks.processes import CannotMeasure
from benchmarks.report import Run, markdown
from benchmarks.sizes import PAGE, replaced, section_of
from benchmarks.starting import Start, measure_starts
from benchmarks.targets import outcomes
from benchmarks.workers import Figure
from benchmarks.workloads import BASELINES, WORKLOADS, Workload

WRK = """Running 1s test @ http://127.0.0.1:8000/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     9.61ms    5.20ms  67.14ms   94.68%
    Req/Sec     3.46k   372.12     3.97k    80.00%
  Latency Distribution
     50%    8.88ms
     75%    9.87ms
     90%   11.10ms
     99%  912.00us
  3447 requests in 1.00s, 606.10KB read
"""


def test_reading_wrk() -> None:
    load = parse_wrk(WRK + "Requests/sec:   3440.59\nTransfer/sec:    604.98KB\n")
    assert (load.requests, load.rate, load.errors) == (3447, 3440.59, 0)
    assert load.p50 == pytest.approx(0.00888)
    assert load.p99 == pytest.approx(0.000912)


def test_reading_wrk_with_errors() -> None:
    errors = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n"
    assert parse_wrk(f"{WRK}{errors}Requests/sec:   3440.59\n").errors == 15


def test_wrk_without_a_report_is_a_sentence() -> None:
    with pytest.raises(CannotMeasure, match="Connection refused"):
        parse_wrk("unable to connect to 127.0.0.1:8000 Connection refused\n")


def measured(peer: str, workload: str, *rates: float) -> Measured:
    loads = [Load(requests=100, rate=rate, p50=0.001, p99=0.004, errors=0) for rate in rates]
    return Measured(peer, workload, loads, [1000 / rate for rate in rates if rate] or [1.0])


def test_targets_compare_round_with_round() -> None:
    results = [measured(SYNC, "text", 400, 100, 900), measured("flask-gthread", "text", 100, 50, 150)]
    gthread, convoy = outcomes(results, [], [])
    assert (gthread.ratio, gthread.at_least, gthread.is_met) == (4.0, 4.0, True)
    assert gthread.by_cpu == pytest.approx(4.0)
    assert (convoy.ratio, convoy.is_met) == (4.0, False)


def test_a_lane_is_compared_with_itself() -> None:
    results = [measured(ASYNC, "proxyfix", 90, 90), measured(ASYNC, "no_proxyfix", 100, 100)]
    (outcome,) = outcomes(results, [], [])
    assert (outcome.ratio, outcome.at_least, outcome.is_met) == (0.9, 0.95, False)


def test_what_nobody_could_serve_is_not_met() -> None:
    results = [measured(SYNC, "upload", 10), measured("flask-granian", "upload", 0)]
    (outcome,) = outcomes(results, [], [])
    assert not outcome.is_met
    assert "| - |" in markdown(Run("", results, [], [], [outcome]))


def test_starting_has_upper_bounds() -> None:
    starts = [Start(SYNC, [1.2, 1.2], [110, 110]), Start("quart", [1.0, 1.0], [100, 100])]
    memory, first_answer = outcomes([], starts, [])
    assert (memory.is_met, first_answer.is_met) == (True, False)


def test_each_application_has_the_workloads_of_its_peer() -> None:
    for peer in PEERS.values():
        if peer.application != "on_a2wsgi":
            has = set(import_module(f"benchmarks.applications.{peer.application}").WORKLOADS)
            assert peer.workloads <= has, peer.name


def test_sizes_are_what_the_titles_say() -> None:
    assert len(as_json(ECHOED)) == pytest.approx(1024, rel=0.05)
    assert len(as_json(MANY_ROWS)) == pytest.approx(20 * 1024, rel=0.05)
    assert list(DOCUMENT) == sorted(DOCUMENT)
    assert set(WORKLOADS) > BASELINES


def test_a_name_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--peers", "bare,nobody"])
    assert "there is no 'nobody'" in capsys.readouterr().err


def test_a_small_run(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--peers", "bare,webserver-sync", "--workloads", "text", "--rounds", "1"])
    assert "| text |" in capsys.readouterr().out
    picture = (SCRATCH / "results" / "unpinned.svg").read_text()
    assert len(ElementTree.fromstring(picture).findall(".//{*}rect")) == 2


def test_a_dead_peer_is_a_sentence() -> None:
    told: list[str] = []
    rounds = Rounds(1, 1, told.append)
    dead = Peer("dead", "nobody's server", "no_such_server {port}", "bare_asgi", frozenset({"text"}))
    assert measure(WORKLOADS["text"], [dead], rounds) == []
    assert measure_starts([dead], rounds) == []
    assert len(told) == 2
    assert all("nobody's server ended before it answered" in line and "no_such_server" in line for line in told)


def test_a_wrong_answer_is_a_sentence() -> None:
    told: list[str] = []
    wrong = Workload("text", "text", b"Something else")
    assert measure(wrong, [PEERS["bare"]], Rounds(1, 1, told.append)) == []
    assert told == [
        "bare ASGI function, uvicorn does not answer 'text' as the others do: its body is b'Hello', not"
        " b'Something else'."
    ]


def test_the_picture_shows_no_baselines() -> None:
    picture = ElementTree.fromstring(svg([measured(SYNC, "proxyfix", 90), measured(SYNC, "no_proxyfix", 100)]))
    assert len(picture.findall(".//{*}rect")) == 1


def test_what_was_measured_stands_on_the_page_about_sizes() -> None:
    figures = {threads: Figure(100.0 * threads, 0.1, 0.0012) for threads in (1, 8)}
    section = section_of(figures, figures, {1: 100.0, 2: 190.0}, {1: 70 * 2**20, 2: 214 * 2**20, 4: 348 * 2**20})
    assert "100 with 1 thread, 800 with 8 threads" in section
    assert "1.20 ms with 1 thread" in section
    assert "190 with 2 workers" in section
    assert "70 MiB with one worker; each of several costs 67 MiB more" in section
    page = replaced(PAGE.read_text(), section)
    assert section in page
    assert replaced(page, section) == page  # in place of the last one
    with pytest.raises(ValueError, match="has no lines"):
        replaced("another page", section)
