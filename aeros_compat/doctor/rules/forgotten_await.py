"""Coroutines that are used as if they were what they give: ``if is_admin(user):`` is true for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application


def find(application: Application) -> Iterator[Finding]:
    """One finding for each place."""
    found = {
        (forgotten.text, forgotten.place): (forgotten, handler)
        for handler, graph in application.on_loop
        for forgotten in graph.forgotten
    }
    for forgotten, handler in found.values():
        yield Finding(
            "forgotten-await",
            "error",
            f"{forgotten.text}() gives a coroutine, which nobody awaits here: it does not run, and is true in every"
            " condition.",
            f"Write 'await {forgotten.text}(…)'.",
            forgotten.place,
            (" > ".join([str(handler), *(name.rpartition(".")[2] for name in forgotten.path[1:])]),),
        )
