"""Sync decorators around async views: the view is awaited on the loop, but its request holds a thread meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..finding import Finding
from ..routes import routes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application
    from ..routes import Decorator


def find(application: Application) -> Iterator[Finding]:
    """One finding for each decorator, with the views that it keeps on threads."""
    kept: dict[Decorator, list[str]] = {}
    for route in routes_of(application.app):
        for decorator in route.decorators:
            kept.setdefault(decorator, []).append(route.endpoint)
    for decorator, endpoints in kept.items():
        yield Finding(
            "sync-decorator",
            "warning",
            f"{decorator.name} is a sync decorator around async views: each request holds a worker thread while the"
            " view waits.",
            "Give the decorator an 'async def' wrapper for coroutine functions, or do its work in an async"
            " before_request function.",
            decorator.place,
            tuple(dict.fromkeys(endpoints)),
        )
