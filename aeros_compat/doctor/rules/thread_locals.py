"""``threading.local`` and sessions kept by thread: on the event loop all requests share one thread and one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application


def find(application: Application) -> Iterator[Finding]:
    """An error where async code uses one; else a word that it is all right."""
    uses = [(handler, use) for handler, graph in application.on_loop for use in graph.uses]
    for shared in application.thread_locals:
        concerned = [(handler, use) for handler, use in uses if use.object is shared.object]
        if concerned:
            yield Finding(
                "thread-local",
                "error",
                f"{shared.name} ({shared.kind}) is kept by thread, and async code uses it: on the event loop, requests"
                " that run at the same time see each other's value.",
                "Keep the value in flask.g or in a contextvars.ContextVar; for SQLAlchemy use an AsyncSession of the"
                " request's own, or call it through sync_to_async.",
                concerned[0][1].place,
                tuple(dict.fromkeys(str(handler) for handler, _ in concerned)),
            )
        else:
            yield Finding(
                "thread-local",
                "info",
                f"{shared.name} ({shared.kind}) is kept by thread. Sync views may use it: a request stays on one"
                " thread.",
                "Do not use it in async views.",
                shared.place,
            )
