"""Sync hooks, receivers and sessions around async views: each costs the request a hop to a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..finding import Finding
from ..hops import pieces_after, pieces_before
from ..routes import routes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application
    from ..hops import Piece


def find(application: Application) -> Iterator[Finding]:
    """One finding for each sync piece, with the async views whose requests go over a thread for it."""
    app = application.app
    concerned: dict[tuple[Piece, str], list[str]] = {}
    endpoints = dict.fromkeys(route.endpoint for route in routes_of(app) if route.lane == "async")
    for endpoint in endpoints:
        for when, pieces in (("before", pieces_before(app, endpoint)), ("after", pieces_after(app, endpoint))):
            for piece in pieces:
                concerned.setdefault((piece, when), []).append(endpoint)
    for (piece, when), views in concerned.items():
        yield Finding(
            "hop",
            "info",
            f"The {piece.what} is sync: it takes the request of an async view to a thread {when} the view (one hop for"
            " all that is sync there).",
            "Make all sync functions of that side 'async def', unless they block, and the hop is gone.",
            piece.place,
            tuple(views),
        )
