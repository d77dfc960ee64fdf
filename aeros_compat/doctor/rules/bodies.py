"""Sync reads of the body in async code: they find bodies that are there, and raise for those that still arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...gateway.body import COLLECT_LIMIT
from ..finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application

#: Bodies with these are often large.
_UPLOADS = ("files", "stream")


def find(application: Application) -> Iterator[Finding]:
    """One finding for each place; none if the application takes no bodies as large as that."""
    limit = application.app.config["MAX_CONTENT_LENGTH"]
    if limit is not None and limit <= COLLECT_LIMIT:
        return
    found = {
        (read.text, read.place): (read, handler) for handler, graph in application.on_loop for read in graph.body_reads
    }
    for read, handler in found.values():
        name = read.text.rpartition(".")[2]
        yield Finding(
            "sync-body",
            "warning" if name in _UPLOADS else "info",
            f"{read.text} on the event loop: a body of more than {COLLECT_LIMIT // 1024} KiB is not there when an async"
            " view starts, and reading it so raises RuntimeError.",
            f"Where bodies may be as large: 'await quart.request.{name}', or read it in a function that"
            " sync_to_async calls. Or set MAX_CONTENT_LENGTH.",
            read.place,
            (str(handler),),
        )
