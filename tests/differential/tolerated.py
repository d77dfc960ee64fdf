"""The differences that are meant, or lie in the protocols: the rows of ``migration_guide/differences.md``, as code.

Each has the name of its row, which a test compares. Everything else that differs is a bug.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from .flavours import Flavour
    from .request import Request
    from .seen import Seen


class Tolerated(NamedTuple):
    """One row: where it applies, and what both outcomes look like without it."""

    row: str
    applies: Callable[[Flavour, Request], bool]
    without: Callable[[Seen], Seen]


def _code_only(seen: Seen) -> Seen:
    return replace(seen, status=seen.status[:3])


TOLERATED = (Tolerated("Reason phrases", lambda flavour, request: flavour.asgi, _code_only),)


def without_tolerated(flavour: Flavour, request: Request, seen: Seen) -> Seen:
    """``seen``, reduced to what has to be equal."""
    for difference in TOLERATED:
        if difference.applies(flavour, request):
            seen = difference.without(seen)
    return seen
