"""The rule ``futures``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .code import convert, module, same_answers, told, view_of

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
import time
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor

def ask(name, times=1):
    time.sleep(0.001)
    return name * times

def fail(name):
    time.sleep(0.001)
    raise KeyError(name)

def shout(name):
    return name.upper()

"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "# both\nwith ThreadPoolExecutor() as pool:\n    a = pool.submit(ask, 'x', times=2)  # first\n"
            "    b = pool.submit(ask, 'y')\nreturn a.result() + b.result()",
            "# both\na = asyncio.create_task(ask('x', times=2))  # first\nb = asyncio.create_task(ask('y'))\n"
            "await asyncio.wait([a, b])\nreturn a.result() + b.result()",
        ),
        # The exception is raised where the result is asked for.
        (
            "with futures.ThreadPoolExecutor(max_workers=2) as pool:\n    a = pool.submit(fail, 'x')\n"
            "    b = pool.submit(ask, 'y')\ntry:\n    return b.result() + a.result()\nexcept KeyError as error:\n"
            "    return str(error)",
            "a = asyncio.create_task(fail('x'))\nb = asyncio.create_task(ask('y'))\nawait asyncio.wait([a, b])\n"
            "try:\n    return b.result() + a.result()\nexcept KeyError as error:\n    return str(error)",
        ),
    ],
)
def test_rewritten(tmp_path: Path, before: str, after: str) -> None:
    changed = same_answers(tmp_path, module(before, HEAD), follow=True)
    assert view_of(changed) == after
    assert "async def ask" in changed


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            "with ThreadPoolExecutor() as pool:\n    a = pool.submit(shout, 'x')\nreturn a.result()",
            "does not become async",
        ),
        ("with ThreadPoolExecutor() as pool:\n    a = list(pool.map(ask, 'ab'))\nreturn str(a)", "only assignments"),
        (
            "with ThreadPoolExecutor(1) as pool:\n    a = pool.submit(ask, 'x')\n    b = pool.submit(ask, 'y')\n"
            "return a.result() + b.result()",
            "fewer threads",
        ),
        (
            "with ThreadPoolExecutor() as pool:\n    a = pool.submit(ask, 'x')\nreturn a.result(5)",
            "only a.result() is known",
        ),
        (
            "with ThreadPoolExecutor() as pool:\n    a = pool.submit(ask, 'x')\nreturn str(a.done())",
            "only a.result() is known",
        ),
    ],
)
def test_left_alone(tmp_path: Path, body: str, why: str) -> None:
    """On the thread it works as before."""
    code = module(body, HEAD)
    changed = same_answers(tmp_path, code, follow=True)
    assert "create_task" not in changed
    assert "async def ask" not in changed
    assert why in told(convert(tmp_path, code, follow=True)[1])


def test_left_alone_without_follow(tmp_path: Path) -> None:
    code = module("with ThreadPoolExecutor() as pool:\n    a = pool.submit(ask, 'x')\nreturn a.result()", HEAD)
    assert "pool.submit(ask, 'x')" in same_answers(tmp_path, code)
