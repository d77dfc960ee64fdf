from pathlib import Path

import pytest

from . import table
from .result import Result
from .suite import Suite
from .suites import SUITES
from .swap.order import Answer


def result(suite: Suite, failing: str = "") -> Result:
    tests = ("test_a", "test_b")
    flask = Answer(dict.fromkeys(tests, "passed"), seconds=1)
    webserver = Answer(
        {test: "failed" if test == failing else "passed" for test in tests},
        requests={"asgi": 3, "sync": 2, "async": 1},
        seconds=2,
    )
    return Result(suite, "sync", suite.version, flask, webserver)


@pytest.fixture(autouse=True)
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "guide" / "conformance.md"
    monkeypatch.setattr(table, "FILE", path)
    monkeypatch.setattr(table, "TESTED", tmp_path / "tested.json")
    return path


def test_what_was_written_is_what_is_compared(page: Path) -> None:
    results = [result(suite) for suite in SUITES]
    table.write(results)
    assert f"| {SUITES[0].name} {SUITES[0].version} | sync | 2 | 2 | 0 | 0 | 0 | 2 / 1 | 20" in page.read_text()
    assert table.differences(results) == []


def test_rows_of_other_suites_stay() -> None:
    table.write([result(SUITES[0])])
    table.write([result(SUITES[1])])
    assert table.differences([result(SUITES[0]), result(SUITES[1])]) == []


def test_a_difference_is_named() -> None:
    table.write([result(SUITES[0])])
    found = table.differences([result(SUITES[0], failing="test_a"), result(SUITES[1])])
    assert "| 2 | 1 | 1 |" in found[0]
    assert "no row" in found[1]


def test_a_result_knows_what_newly_fails() -> None:
    bad = result(SUITES[0], failing="test_a")
    assert (bad.newly_failing, bad.is_good, bad.time_ratio) == (["test_a"], False, 2.0)
    assert result(SUITES[0]).is_good
