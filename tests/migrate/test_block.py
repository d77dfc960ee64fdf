"""The rule ``block``: statements that have to stay together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .code import convert, module, same_answers, told, view_of

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
import json
import sqlite3
import threading
from contextlib import closing, suppress

lock = threading.Lock()

class Closing(sqlite3.Connection):
    def __del__(self):  # Python 3.13 warns of one that is not closed
        with suppress(sqlite3.ProgrammingError):  # collected on another thread
            self.close()

def rows():
    return sqlite3.connect(":memory:", factory=Closing).execute("SELECT 1 AS n UNION SELECT 2")

def numbers():
    yield 1
    yield 2

"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "with open(__import__('os').devnull) as file:\n    text = file.read()\nreturn text or 'none'",
            "def work():\n    with open(__import__('os').devnull) as file:\n        text = file.read()\n"
            "    return text\n\n"
            "text = await sync_to_async(work)()\nreturn text or 'none'",
        ),
        (
            "total = 0\n# one by one\nfor row in rows():\n    total += row[0]\nreturn str(total)",
            "total = 0\n# one by one\ndef work():\n    nonlocal total\n    for row in rows():\n"
            "        total += row[0]\n\n"
            "await sync_to_async(work)()\nreturn str(total)",
        ),
        (
            "with lock:\n    return str(rows().fetchone()[0])",
            "def work():\n    with lock:\n        return str(rows().fetchone()[0])\n\n"
            "return await sync_to_async(work)()",
        ),
        # The names that two loops have in common are of each loop.
        (
            "found = []\nfor row in rows():\n    found.append(row[0])\nfor row in numbers():\n    found.append(row)\n"
            "return str(found)",
            "found = []\n\ndef work():\n    for row in rows():\n        found.append(row[0])\n\n"
            "await sync_to_async(work)()\n\n"
            "def work_2():\n    for row in numbers():\n        found.append(row)\n\nawait sync_to_async(work_2)()\n"
            "return str(found)",
        ),
        (
            "with lock, closing(sqlite3.connect(':memory:')) as db:\n    a = db.execute('SELECT 1').fetchone()\n"
            "    b = 2\n"
            "work = 3\nreturn str((a, b, work))",
            "def work_2():\n    with lock, closing(sqlite3.connect(':memory:')) as db:\n"
            "        a = db.execute('SELECT 1').fetchone()\n        b = 2\n    return a, b\n\n"
            "a, b = await sync_to_async(work_2)()\nwork = 3\nreturn str((a, b, work))",
        ),
        (
            "for n in range(3):\n    for row in rows():\n        if row[0] == n:\n            break\n    else:\n"
            "        continue\n"
            "    return str(n)\nreturn 'none'",
            None,
        ),
    ],
)
def test_rewritten(tmp_path: Path, before: str, after: str | None) -> None:
    code = module(before, HEAD)
    if after is None:  # a loop around it goes on from inside
        changed, outcome = convert(tmp_path, code)
        assert changed == code
        assert "break and continue" in told(outcome)
        return
    assert view_of(same_answers(tmp_path, code)) == after


@pytest.mark.parametrize(
    "body",
    [
        "with suppress(KeyError):\n    return {}['x']\nreturn 'none'",
        "total = 0\nfor n in range(3):\n    total += n\nreturn str(total)",
        "for name in request.args:\n    return name\nreturn 'none'",
        "for n in [1, 2]:\n    if n == 2:\n        break\nreturn str(n)",
    ],
)
def test_harmless_statements_stay(tmp_path: Path, body: str) -> None:
    assert view_of(same_answers(tmp_path, module(body, HEAD))) == body


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            "for row in rows():\n    if row[0] == 2:\n        return 'two'\nreturn 'none'",
            "it may return from the view, or not",
        ),
        ("for row in rows():\n    last = row\nreturn str(last)", "it may set last, or not"),
        ("with lock:\n    if rows():\n        return 'x'\nreturn 'y'", "it may return from the view, or not"),
        ("with lock:\n    return 'x'\nreturn 'y'", "it may return from the view, or not"),
        ("global known\nwith lock:\n    known = 1\nreturn 'x'", "it changes global names"),
        ("x = 1\nwith lock:\n    del x\nreturn 'x'", "deletes some"),
        ("with lock:\n    names = locals()\nreturn 'x'", "locals() cannot be put"),
        ("for n in range(2):\n    with lock:\n        continue\nreturn 'x'", "break and continue"),
    ],
)
def test_left_alone(tmp_path: Path, body: str, why: str) -> None:
    code = module(body, HEAD)
    changed, outcome = convert(tmp_path, code)
    assert changed == code
    assert why in told(outcome)


def test_a_lock_is_held_and_given_back_by_one_thread(tmp_path: Path) -> None:
    """Across an ``await`` it would stop the event loop with the next request; an RLock would be another's."""
    head = "import threading\n\nlock = threading.RLock()\n"
    changed = same_answers(tmp_path, module("with lock:\n    x = threading.get_ident()\nreturn str(bool(x))", head))
    assert "async with" not in changed
    assert "    with lock:\n" in view_of(changed)
