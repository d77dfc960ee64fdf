"""The benchmark of sizes, and the arithmetic of the page about them."""

from __future__ import annotations

import re
from math import factorial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from aeros_compat.limits.limits import WAITING_PER_THREAD
from aeros_compat.webserver import WORKER_THREADS
from benchmarks import waiting as crowds
from benchmarks.workers import CONNECTIONS, THREADS, Figure, Question, Size, measure, questions, write

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "migration_guide" / "sizing.md").read_text()


def test_a_small_real_run() -> None:
    asked = [Question("text", Size(1, 2), 4), Question("blocking", Size(1, 2), 4)]
    figures, memory = measure(asked, 1, 1)
    # Two threads that wait 10 ms for each request cannot do more.
    assert 0 < figures[asked[1]].rate <= 200 * 1.05
    assert figures[asked[0]].rate > 0
    assert memory[Size(1, 2)] > 10_000_000


def test_tables_and_picture(tmp_path: Path) -> None:
    asked = questions()
    figures = {question: Figure(1000.0 + number, 0.02, 0.0005) for number, question in enumerate(asked)}
    write(figures, {question.size: 64 * 2**20 for question in asked}, tmp_path)
    text = (tmp_path / "workers.md").read_text()
    assert "| 1 | 1,000 | 1,001 |" in text
    assert "; 20 ms; 0.50 ms |" in text
    picture = ElementTree.fromstring((tmp_path / "workers.svg").read_text())
    lines = [line.attrib["points"].split() for line in picture.iter("{http://www.w3.org/2000/svg}polyline")]
    assert [len(points) for points in lines] == [len(CONNECTIONS)] * 8 + [len(THREADS)] * 3
    assert "prefers-color-scheme: dark" in "".join(picture.itertext())


def test_a_small_real_overload() -> None:
    overload = crowds.measure(1, 0.02, 1, 30)
    assert len(overload.replies) == 1200
    assert {reply.status for reply in overload.health} == {200}
    assert len(overload.seconds_of(200)) + len(overload.seconds_of(503)) == 1200
    assert overload.seconds_of(503)
    row = crowds.markdown([overload], 1, 30).splitlines()[-1]
    assert row.startswith(f"| 20 ms | 1 | {len(overload.seconds_of(200)):,} | {len(overload.seconds_of(503)):,} | 0 |")


def waiting(threads: int, utilisation: float) -> float:
    """The share of requests that wait for a thread: Erlang's formula C, for arrivals at random."""
    offered = threads * utilisation
    all_taken = offered**threads / factorial(threads) / (1 - utilisation)
    return all_taken / (sum(offered**free / factorial(free) for free in range(threads)) + all_taken)


@pytest.mark.parametrize("row", re.findall(r"^\| (\d+) % \| (\d+) % \| ([\d.]+) \|", PAGE, flags=re.MULTILINE))
def test_waiting_for_a_thread(row: tuple[str, str, str]) -> None:
    utilisation, share, wait = int(row[0]) / 100, int(row[1]) / 100, float(row[2])
    assert waiting(8, utilisation) == pytest.approx(share, abs=0.0051)
    # In units of the time that a request holds a thread.
    assert waiting(8, utilisation) / (8 * (1 - utilisation)) == pytest.approx(wait, abs=0.0051)


def test_the_page_names_the_defaults_and_what_exists() -> None:
    assert f"`worker_threads` | {WORKER_THREADS} |" in PAGE
    assert f"`waiting_per_thread` | {WAITING_PER_THREAD} |" in PAGE
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (ROOT / "migration_guide" / target).exists(), target
