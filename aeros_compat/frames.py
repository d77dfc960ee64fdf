"""Whose code a frame runs: the user's, a library's, or the machinery that carries a request to the user's code."""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import os
import selectors
import sysconfig
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import flask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

#: The folder that Flask is installed in, and so its neighbours.
_SITE = os.path.dirname(os.path.dirname(flask.__file__))

#: Packages between the socket and the user's code.
_CARRIERS = ("asgiref", "flask", "granian", "gunicorn", "hypercorn", "quart", "uvicorn", "uvicorn_worker", "werkzeug")

_MACHINERY = (
    os.path.join(Path(__file__).parent, ""),
    *(os.path.join(_SITE, name, "") for name in _CARRIERS),
    *(os.path.join(*module.__path__, "") for module in (asyncio, concurrent.futures, importlib)),
    selectors.__file__,  # where a loop of asyncio waits for something to do
    "<frozen importlib",
)
_LIBRARIES = (
    *_MACHINERY,
    *{os.path.join(path, "") for name, path in sysconfig.get_paths().items() if name.endswith(("stdlib", "lib"))},
    os.path.join(_SITE, ""),
    "<frozen ",
)
_EVENT_LOOP = os.path.join(*asyncio.__path__, "")

Frames = list[traceback.FrameSummary]


def without_machinery(frames: Frames) -> Frames:
    """Frames, outermost first, without those at the top that carry the request; all of them if there are no others."""
    for index, frame in enumerate(frames):
        if not frame.filename.startswith(_MACHINERY):
            return frames[index:]
    return frames


def is_users(frame: traceback.FrameSummary) -> bool:
    """Whether a frame runs code that is neither the standard library's nor an installed package's."""
    return not is_library(frame.filename)


def is_library(filename: str) -> bool:
    """Whether a file is the standard library's or an installed package's."""
    return filename.startswith(_LIBRARIES)


def users_frame(frames: Sequence[traceback.FrameSummary]) -> traceback.FrameSummary:
    """The innermost frame of the user's own code, or the innermost one at all."""
    return next((frame for frame in reversed(frames) if is_users(frame)), frames[-1])


def stack_on_loop(innermost: FrameType | None) -> list[FrameType]:
    """What the event loop's thread is doing, outermost frame first, from the user's code on.

    Empty if no code of an application is running.
    """
    stack = [frame for frame, _ in traceback.walk_stack(innermost)][::-1]
    runners = [index for index, frame in enumerate(stack) if _runs_loop(frame)]
    called = stack[runners[-1] + 1 :] if runners else stack
    # The second: an application that is installed as a package, or a package that blocks by itself.
    for known in (_LIBRARIES, _MACHINERY):
        for index, frame in enumerate(called):
            if not frame.f_code.co_filename.startswith(known):
                return called[index:]
    return []


def summary(frames: list[FrameType]) -> Frames:
    """The frames with the lines of their source."""
    return traceback.StackSummary.extract((frame, frame.f_lineno) for frame in frames)


def _runs_loop(frame: FrameType) -> bool:
    """Whether a frame is one of asyncio's that runs a loop or its callbacks. uvloop's have no frames."""
    return frame.f_code.co_filename.startswith(_EVENT_LOOP) and frame.f_code.co_name in _RUNNERS


_RUNNERS = frozenset({"_run", "_run_once", "run", "run_forever", "run_until_complete"})
