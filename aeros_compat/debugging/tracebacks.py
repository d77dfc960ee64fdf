"""Tracebacks without the way that a request takes through this package."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import asgiref
import quart.app

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where the frames lie that carry a request to the user's code and back: threads, loops and the gateway.
_MACHINERY = (
    *(os.path.join(*module.__path__, "") for module in (asgiref, asyncio, concurrent.futures)),
    os.path.join(Path(__file__).parent.parent, ""),
    quart.app.__file__,
)


def shorten(error: BaseException) -> None:
    """Take the machinery's frames out of the traceback of ``error``, of its causes and of theirs.

    The frame that raised stays, and so does a traceback that has no others.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is not None and id(current) not in seen:
            seen.add(id(current))
            current.__traceback__ = _without_machinery(current.__traceback__)
            waiting += (current.__cause__, current.__context__)


def _without_machinery(tb: TracebackType | None) -> TracebackType | None:
    steps = list(_steps(tb))
    kept = [step for step in steps if not step.tb_frame.f_code.co_filename.startswith(_MACHINERY)]
    if not kept:
        return tb
    if kept[-1] is not steps[-1]:
        kept.append(steps[-1])
    shortened = None
    for step in reversed(kept):
        shortened = TracebackType(shortened, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return shortened


def _steps(tb: TracebackType | None) -> Iterator[TracebackType]:
    while tb is not None:
        yield tb
        tb = tb.tb_next
