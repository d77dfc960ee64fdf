"""What stands around all views and is sync: WSGI middleware, overridden methods of Flask's, agents that patch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lanes.choice import what_encloses
from ..finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application


def find(application: Application) -> Iterator[Finding]:
    """One finding, if there is such a thing: a warning as soon as there are async views."""
    encloses = what_encloses(application.app)
    if not encloses:
        return
    views = tuple(handler.name for handler in application.handlers if handler.kind == "view" and handler.on_loop)
    yield Finding(
        "enclosed-views",
        "warning" if views else "info",
        f"{encloses[0].upper()}{encloses[1:]} stands around every view: async views are called from worker threads, and"
        " each request holds one while its view waits.",
        "Replace it by ASGI middleware (app.asgi_app = Middleware(app.asgi_app)), or by before_request and"
        " after_request functions. ProxyFix alone costs nothing.",
        None,
        views,
    )
