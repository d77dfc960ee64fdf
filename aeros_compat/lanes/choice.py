"""Which lane a request takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..callables import decorators_over, hides_async, is_async_view
from ..gateway.environ import path_info

if TYPE_CHECKING:
    from ..exchange import Exchange
    from ..webserver import WebServer


def is_async_lane(app: WebServer, exchange: Exchange) -> bool:
    """Match the route, once, and say whether its view runs on the event loop.

    Every request that matches no route takes the sync lane: Flask answers it, or an application that is mounted.
    """
    scope = exchange.scope
    path = path_info(scope)
    if app.mounts.find(path) is not None:
        return False
    match = exchange.match = app.router.match(app, exchange, path.encode("latin-1").decode("utf-8", "replace"))
    if match is None or match.rule is None or app.encloses_views:
        return False
    if scope["method"] == "OPTIONS" and getattr(match.rule, "provide_automatic_options", False):
        return False
    view = app.view_functions.get(match.rule.endpoint)
    if view is None:
        return False
    if is_async_view(view, scope["method"]):
        return True
    if app.debug and hides_async(view):
        app.log_sync_decorators(match.rule.endpoint, decorators_over(view))
    return False
