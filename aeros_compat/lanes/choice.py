"""Which lane a request takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.routing import WebsocketMismatch

from ..callables import defined_in, hides_async, is_async_view, is_patched, sync_wrappers
from ..gateway.environ import decoded_path
from .around import ENCLOSING
from .plan import NO_ENDPOINT, plan_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from werkzeug.routing import Rule

    from ..exchange import Exchange
    from ..handshake import Handshake
    from ..routing import Match
    from ..webserver import WebServer


def is_async_lane(app: WebServer, exchange: Exchange) -> bool:
    """Match the route, once, and say whether its view runs on the event loop.

    Every request that matches no route takes the sync lane: its hooks are called, and the handler of its error; or an
    application that is mounted.
    """
    scope = exchange.scope
    if exchange.mount is not None:
        return False
    match = _match(app, exchange)
    if match is None:
        return False
    rule, method = match.rule, scope["method"]
    if rule is None:
        plan = plan_for(app, exchange.around or app.around, NO_ENDPOINT, method)
        exchange.plan = plan if plan.around.is_flasks else None
        return False
    if rule.websocket and is_quarts_view(app, rule):
        # A server that cannot upgrade, or the WSGI entry: there is no websocket for the view.
        match.fail(WebsocketMismatch())
        return False
    if method == "OPTIONS" and getattr(rule, "provide_automatic_options", False):
        return False
    plan = plan_for(app, exchange.around or app.around, rule.endpoint, method)
    if plan.around.encloses_views or plan.view is None:
        return False
    if plan.is_async or plan.around.is_flasks:
        exchange.plan = plan
    if plan.sync_wrappers and app.debug:
        app.log_sync_decorators(rule.endpoint, [defined_in(wrapper) for wrapper in plan.sync_wrappers])
    return plan.is_async


def is_websocket_lane(app: WebServer, handshake: Handshake) -> bool:
    """Match the route of a handshake, once, and say whether Quart's cycle on the event loop answers it.

    Else it is Flask's cycle on a thread: the view is a sync one that speaks on a socket (flask-sock), something sync
    encloses all views and may answer itself (Flask-SocketIO), or a WSGI application is mounted there.
    """
    if app.mounts and app.mounts.find_for(handshake.scope) is not None:
        return False
    match = _match(app, handshake)
    return match is not None and not app.encloses_views and is_quarts_view(app, match.rule)


def is_quarts_view(app: WebServer, rule: Rule | None) -> bool:
    """Whether a websocket rule leads to a view for Quart's cycle, which also answers what matches no rule."""
    if rule is None:
        return True
    view = app.view_functions.get(rule.endpoint)
    return view is not None and (is_async_view(view, "GET") or hides_async(view))


def _match(app: WebServer, exchange: Exchange) -> Match | None:
    exchange.match = app.router.match(app, exchange, decoded_path(exchange.scope))
    return exchange.match


def lane_of(app: WebServer, view: Callable[..., Any], method: str) -> tuple[str, str]:
    """The lane of a view for an HTTP method, in words, and why it is that one.

    ``sync``; ``async``; or ``async on a thread``, with what keeps the async view off the event loop.
    """
    if is_async_view(view, method):
        reason = what_encloses(app)
    elif wrappers := sync_wrappers(view, method):
        reason = "sync decorator " + " around ".join(map(defined_in, wrappers))
    else:
        return "sync", ""
    return ("async on a thread", reason) if reason else ("async", "")


def what_encloses(app: WebServer) -> str:
    """What sync code stands around every view, and so keeps all of them on threads; empty if there is none."""
    wrapped = vars(app).get("wsgi_app")
    if app.encloses_mounts and wrapped is not None:
        kind = wrapped if hasattr(wrapped, "__qualname__") else type(wrapped)
        return f"WSGI middleware {kind.__module__}.{kind.__qualname__}"
    for name in ("wsgi_app", *ENCLOSING):
        if app.overrides(name) and app.encloses_views:
            return f"overridden method {name}"
    for name in ("__call__", "wsgi_app", *ENCLOSING):
        if is_patched(Flask, name):
            return f"an agent that has patched Flask.{name}"
    return ""
