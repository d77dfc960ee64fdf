"""Every promise with its short load, and the command that runs them."""

from __future__ import annotations

import pytest

from .__main__ import main
from .promise import Promise
from .promises import PROMISES


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.key)
def test_promise(promise: Promise) -> None:
    result = promise.keep(promise.short)
    assert any(character.isdigit() for character in result), "a row without a number"


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == len({promise.key for promise in PROMISES}) > 10


def test_a_broken_promise_fails_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(count: int) -> str:
        raise AssertionError(f"lost {count}")

    broken = Promise("Nothing is lost", keep, "requests", 1, 2)
    monkeypatch.setattr("tests.endurance.__main__.PROMISES", [broken])
    assert main([]) == 1
    assert "| Nothing is lost | 2 requests | BROKEN: lost 2 |" in capsys.readouterr().out
