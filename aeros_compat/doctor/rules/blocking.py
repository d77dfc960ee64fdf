"""Calls that block the event loop: while one waits, no other async request is served.

As ruff's ASYNC210 to ASYNC251, but through the helpers that a view calls, and by what names lead to, not by how they
are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application
    from ..calls import BlockingCall


def find(application: Application) -> Iterator[Finding]:
    """One finding for each call, with all that lead to it."""
    reached: dict[tuple[str, object], tuple[BlockingCall, list[str]]] = {}
    for handler, graph in application.on_loop:
        for call in graph.blocking:
            _, ways = reached.setdefault((call.text, call.place), (call, []))
            ways.append(" > ".join([str(handler), *(name.rpartition(".")[2] for name in call.path[1:])]))
    for call, ways in reached.values():
        yield Finding(
            call.kind.rule,
            call.kind.severity,
            f"{call.text} {call.kind.waits} on the event loop"
            + (", and every other async request waits with it." if call.kind.rule != "loop-in-loop" else "."),
            f"Use {call.kind.instead}.",
            call.place,
            tuple(dict.fromkeys(ways)),
        )
