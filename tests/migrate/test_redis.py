"""The rule ``redis``, with a real Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..redis_server import redis_server
from .code import convert, module, same_answers, told, view_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def head() -> Iterator[str]:
    with redis_server() as server:
        yield f"import redis\n\nPORT = {server.port}\nlong = redis.Redis(port=PORT)\ndef fill(r): r.set('x', 1)\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "with redis.Redis(port=PORT) as r:\n    r.set('x', 'a')\n    return r.get('x')",
            "async with async_redis.Redis(port=PORT) as r:\n    await r.set('x', 'a')\n    return await r.get('x')",
        ),
        (
            "with redis.Redis(host='127.0.0.1', port=PORT, decode_responses=True) as r:\n    r.delete('y')\n"
            "    for n in (1, 2):\n        r.incrby('y', int(r.incr('y')))\nreturn 'x'",
            "async with async_redis.Redis(host='127.0.0.1', port=PORT, decode_responses=True) as r:\n"
            "    await r.delete('y')\n    for n in (1, 2):\n"
            "        await r.incrby('y', int(await r.incr('y')))\nreturn 'x'",
        ),
        (
            "try:\n    with redis.Redis(port=1) as r:\n        r.ping()\nexcept redis.ConnectionError:\n"
            "    return 'gone'\n",
            "try:\n    async with async_redis.Redis(port=1) as r:\n        await r.ping()\n"
            "except redis.ConnectionError:\n    return 'gone'",
        ),
    ],
)
def test_rewritten(tmp_path: Path, head: str, before: str, after: str) -> None:
    changed = same_answers(tmp_path, module(before, head))
    assert view_of(changed) == after
    assert "from redis import asyncio as async_redis\n" in changed


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("with redis.Redis(port=PORT) as r:\n    fill(r)\nreturn 'x'", "r is handed on"),
        (
            "with redis.Redis(port=PORT) as r:\n    r.pipeline().set('x', 1).execute()\nreturn 'x'",
            "r.pipeline() has no",
        ),
        ("with redis.Redis(port=PORT) as r:\n    x = [r.get(k) for k in 'ab']\nreturn 'x'", "nothing can be awaited"),
        ("with redis.Redis('127.0.0.1', PORT) as r:\n    r.ping()\nreturn 'x'", "belong to a sync client"),
        ("long.set('x', 1)\nreturn long.get('x')", "nothing is known"),
    ],
)
def test_left_alone(tmp_path: Path, head: str, body: str, why: str) -> None:
    """On the thread it works as before."""
    code = module(body, head)
    changed = same_answers(tmp_path, code)
    assert "async_redis" not in changed
    (tmp_path / "shop.py").write_text(code)
    if "long" not in body:
        assert why in told(convert(tmp_path, code)[1])
