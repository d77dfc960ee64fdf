"""The rule ``bridge``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .code import convert, module, same_answers, view_of

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
import asyncio
from aeros_compat import async_to_sync

async def ask(name):
    await asyncio.sleep(0)
    return {"name": name}

def make(name):
    return ask(name)

"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return async_to_sync(ask)('x')", "return await ask('x')"),
        ("return asyncio.run(ask('x'))", "return await ask('x')"),
        ("return async_to_sync(ask)('x')['name']", "return (await ask('x'))['name']"),
    ],
)
def test_rewritten(tmp_path: Path, before: str, after: str) -> None:
    assert view_of(same_answers(tmp_path, module(before, HEAD))) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return asyncio.run(make('x'))", "return await sync_to_async(asyncio.run)(make('x'))"),
        ("return asyncio.run(ask('x'), debug=False)", "return await sync_to_async(asyncio.run)(ask('x'), debug=False)"),
        (
            "return async_to_sync(ask, force_new_loop=True)('x')",
            "return await sync_to_async(lambda: async_to_sync(ask, force_new_loop=True)('x'))()",
        ),
    ],
)
def test_left_alone(tmp_path: Path, before: str, after: str) -> None:
    """On the thread it works as before."""
    changed, _ = convert(tmp_path, module(before, HEAD))
    assert view_of(changed) == after
