"""The rule ``sleep``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .code import convert, module, same_answers, told, view_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("head", "before", "after"),
    [
        ("import time", "time.sleep(0.001)\nreturn 'x'", "await asyncio.sleep(0.001)\nreturn 'x'"),
        ("import time as t", "t.sleep(0)  # a while\nreturn 'x'", "await asyncio.sleep(0)  # a while\nreturn 'x'"),
        ("from time import sleep as nap", "nap(0)\nreturn 'x'", "await asyncio.sleep(0)\nreturn 'x'"),
        (
            "import time",
            "if not time.sleep(0):\n    for n in range(2):\n        time.sleep(n / 1000)\nreturn 'x'",
            "if not await asyncio.sleep(0):\n    for n in range(2):\n        await asyncio.sleep(n / 1000)\nreturn 'x'",
        ),
        ("import time", "return f'{(time.sleep)(0)}'", "return f'{await asyncio.sleep(0)}'"),
    ],
)
def test_rewritten(tmp_path: Path, head: str, before: str, after: str) -> None:
    changed = same_answers(tmp_path, module(before, f"{head}\n"))
    assert view_of(changed) == after
    assert changed.startswith("import asyncio\n")


@pytest.mark.parametrize(
    ("head", "before", "kept", "why"),
    [
        ("import time", "time.sleep(-1)", "await sync_to_async(time.sleep)(-1)", "negative"),
        ("import time", "time.sleep(*[0])", "await sync_to_async(time.sleep)(*[0])", "other arguments"),
        ("import time", "x = [time.sleep(0) for _ in '12']", "lambda: [time.sleep(0) for _ in '12']", "it sleeps"),
        ("import time\nasyncio = None", "time.sleep(0)", "await sync_to_async(time.sleep)(0)", "something else"),
        ("import time", "f = lambda: time.sleep(0)", "f = lambda: time.sleep(0)", ""),
        ("def sleep(s): pass", "sleep(1)", "sleep(1)", ""),
    ],
)
def test_left_alone(tmp_path: Path, head: str, before: str, kept: str, why: str) -> None:
    changed, outcome = convert(tmp_path, module(f"{before}\nreturn 'x'", f"{head}\n"))
    assert kept in view_of(changed)
    assert "asyncio.sleep" not in changed
    assert why in told(outcome)
