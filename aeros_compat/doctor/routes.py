"""The routes of an application, the lane of each, and what keeps it from the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..callables import defined_in, is_async_view, sync_wrappers
from ..lanes.choice import is_quarts_view, lane_of
from ..watching.pages import is_page
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
    """In the order of their registration, without the pages of the watch."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions.get(rule.endpoint)
        if view is None or is_page(rule.endpoint):
            continue
        if rule.websocket:
            yield _websocket(app, rule, view)
        else:
            yield from _by_lane(app, rule, view)


def _by_lane(app: WebServer, rule: Rule, view: Any) -> Iterator[Route]:
    methods: dict[tuple[str, str], list[str]] = {}
    for method in sorted(rule.methods or ()):
        if method not in ("HEAD", "OPTIONS"):
            methods.setdefault(lane_of(app, view, method), []).append(method)
    for (lane, reason), names in methods.items():
        decorators = _decorators(view, names[0])
        hops = hops_of(app, rule.endpoint) if lane == "async" else 1
        yield Route(rule.rule, tuple(names), rule.endpoint, lane, reason, decorators, hops, _place(view))


def _websocket(app: WebServer, rule: Rule, view: Any) -> Route:
    is_asynchronous = is_quarts_view(app, rule) and not app.encloses_views
    reason = "" if is_asynchronous or not is_async_view(view, "GET") else "something sync stands around all views"
    lane = "websocket, async" if is_asynchronous else "websocket, sync"
    return Route(rule.rule, ("GET",), rule.endpoint, lane, reason, _decorators(view, "GET"), 0, _place(view))


def _place(view: Any) -> Place | None:
    cls = getattr(view, "view_class", None)
    return place_of(cls if cls is not None else list(layers_of(view))[-1])


def _decorators(view: Any, method: str) -> tuple[Decorator, ...]:
    return tuple(Decorator(defined_in(wrapper), place_of(wrapper)) for wrapper in sync_wrappers(view, method))


def hops_of(app: WebServer, endpoint: str) -> int:
    """Crossings to a thread that an async view's request costs: one before the view, one after it, or none."""
    return bool(pieces_before(app, endpoint)) + bool(pieces_after(app, endpoint))
