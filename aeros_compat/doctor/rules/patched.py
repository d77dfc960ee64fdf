"""gevent and eventlet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...serving.patched import patched_by
from ..finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application


def find(application: Application) -> Iterator[Finding]:
    """One finding if threads or sockets of this process have been replaced by importing the application."""
    by = patched_by()
    if by is not None:
        yield Finding(
            "patched-threads",
            "error",
            f"Importing the application replaces threads and sockets by {by}'s, which asyncio cannot use: aeros-compat"
            " run refuses to serve it.",
            f"Remove the monkey-patching: sync views run on threads here, and need no {by}.",
        )
