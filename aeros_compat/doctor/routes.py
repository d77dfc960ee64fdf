"""The routes of an application, the lane of each, and what keeps it from the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..callables import is_async, is_async_view
from ..lanes.choice import is_quarts_view, lane_of
from .handlers import method_of
from .hops import pieces_after, pieces_before
from .ownership import layers_of
from .source import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Rule

    from ..webserver import WebServer
    from .source import Place


@dataclass(frozen=True)
class Decorator:
    """A sync wrapper around an async view."""

    name: str
    place: Place | None


@dataclass(frozen=True)
class Route:
    """A rule with the methods that are answered alike."""

    rule: str
    methods: tuple[str, ...]
    endpoint: str
    #: ``sync``, ``async``, ``async on a thread``; of a websocket ``websocket, sync`` or ``websocket, async``.
    lane: str
    #: What keeps an async view on a thread, in words.
    reason: str
    #: The same, if it is decorators.
    decorators: tuple[Decorator, ...]
    #: Crossings from the event loop to a thread that each request costs.
    hops: int
    place: Place | None


def routes_of(app: WebServer) -> Iterator[Route]:
    """In the order of their registration."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions.get(rule.endpoint)
        if view is None:
            continue
        if rule.websocket:
            yield _websocket(app, rule, view)
        else:
            yield from _by_lane(app, rule, view)


def _by_lane(app: WebServer, rule: Rule, view: Any) -> Iterator[Route]:
    methods: dict[tuple[str, str], list[str]] = {}
    for method in sorted(rule.methods or ()):
        if method not in ("HEAD", "OPTIONS"):
            methods.setdefault(lane_and_reason(app, view, method), []).append(method)
    for (lane, reason), names in methods.items():
        decorators = tuple(decorators_of(view, names[0])) if lane == "async on a thread" else ()
        hops = hops_of(app, rule.endpoint) if lane == "async" else 1
        yield Route(rule.rule, tuple(names), rule.endpoint, lane, reason, decorators, hops, _place(view))


def lane_and_reason(app: WebServer, view: Any, method: str) -> tuple[str, str]:
    """The lane, as in :func:`lane_of`, where async methods of a decorated class are told from sync ones."""
    lane, reason = lane_of(app, view, method)
    decorators = [decorator.name for decorator in decorators_of(view, method)] if lane == "sync" else []
    return ("async on a thread", "sync decorator " + " around ".join(decorators)) if decorators else (lane, reason)


def _websocket(app: WebServer, rule: Rule, view: Any) -> Route:
    is_asynchronous = is_quarts_view(app, rule) and not app.encloses_views
    reason = "" if is_asynchronous or not is_async_view(view, "GET") else "something sync stands around all views"
    lane = "websocket, async" if is_asynchronous else "websocket, sync"
    return Route(rule.rule, ("GET",), rule.endpoint, lane, reason, tuple(decorators_of(view, "GET")), 0, _place(view))


def _place(view: Any) -> Place | None:
    cls = getattr(view, "view_class", None)
    return place_of(cls if cls is not None else list(layers_of(view))[-1])


def decorators_of(view: Any, method: str) -> Iterator[Decorator]:
    """The sync decorators around an async view, or around a class with an async method, the outermost first."""
    *wrappers, innermost = layers_of(view)
    cls = getattr(view, "view_class", None)
    if not is_async(innermost if cls is None else method_of(cls, method)):
        return
    for layer in wrappers:
        if is_async(layer):
            return
        code = getattr(layer, "__code__", None)
        name = code.co_qualname.partition(".<locals>")[0] if code is not None else type(layer).__qualname__
        module = getattr(layer, "__globals__", {}).get("__name__", type(layer).__module__)
        yield Decorator(f"{module}.{name}", place_of(layer))


def hops_of(app: WebServer, endpoint: str) -> int:
    """Crossings to a thread that an async view's request costs: one before the view, one after it, or none."""
    return bool(pieces_before(app, endpoint)) + bool(pieces_after(app, endpoint))
