"""Tracebacks as text, from the user's code on."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Literal, get_args

from ..frames import without_machinery

if TYPE_CHECKING:
    from types import TracebackType

#: How much of a traceback is written: from the user's code on, all of it, or the exception alone.
Extent = Literal["short", "full", "none"]

EXTENTS = get_args(Extent)

ExcInfo = tuple[type[BaseException], BaseException, "TracebackType | None"] | tuple[None, None, None]


def described(exc_info: ExcInfo, extent: Extent) -> str:
    """The text of an exception and of those that led to it, without a line break at the end.

    The exception itself stays as it is: others may report it too, an agent for example.
    """
    kind, error, trace = exc_info
    if kind is None or error is None:
        return ""
    whole = traceback.TracebackException(kind, error, trace)
    if extent == "none":
        return "".join(whole.format_exception_only()).rstrip("\n")
    if extent == "short":
        _shorten(whole)
    return "".join(whole.format()).rstrip("\n")


def _shorten(whole: traceback.TracebackException) -> None:
    """Leave out the frames that carry a request to the user's code, here and in causes, contexts and groups."""
    waiting = [whole]  # Python has cut cycles already
    while waiting:
        current = waiting.pop()
        current.stack[:] = without_machinery(current.stack)
        waiting += [other for other in (current.__cause__, current.__context__) if other is not None]
        waiting += current.exceptions or ()
