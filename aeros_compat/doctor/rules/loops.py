"""Objects of asyncio's that are made when a module is imported: there is no loop yet that they could belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..finding import Finding
from ..shared import async_clients_in, bound_to_loop_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application


def find(application: Application) -> Iterator[Finding]:
    """An error for a loop or what is bound to one, a warning for a client with a pool."""
    for shared in bound_to_loop_in(application.ownership.modules()):
        yield Finding(
            "loop-at-import",
            "error",
            f"{shared.name} ({shared.kind}) is made at import and belongs to a loop that never serves a request.",
            "Make it in a before_serving function, which runs on the serving loop, and keep it in app.extensions.",
            shared.place,
        )
    for shared in async_clients_in(application.ownership.modules()):
        yield Finding(
            "client-at-import",
            "warning",
            f"{shared.name} ({shared.kind}) is made at import: its connections belong to the loop that uses it first,"
            " and nobody closes them.",
            "Open it in a while_serving function (async with …: yield), which also closes it.",
            shared.place,
        )
