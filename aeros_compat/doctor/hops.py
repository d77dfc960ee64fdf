"""The sync pieces around an async view: what sends a request of the async lane to a thread, before and after the view.

The lane itself asks the same questions with every request (``lanes/async_lane.py``); here they have names for answers.
A test compares the two by counting the hops of real requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import signals

from ..callables import is_async
from .source import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..webserver import WebServer
    from .source import Place


@dataclass(frozen=True)
class Piece:
    """Something sync that runs on a thread."""

    what: str
    place: Place | None = None


_BEFORE_SIGNALS = ("request_started", "appcontext_pushed")
_AFTER_SIGNALS = ("request_finished", "request_tearing_down", "appcontext_tearing_down", "appcontext_popped")
_AFTER_METHODS = (
    "make_response",
    "finalize_request",
    "process_response",
    "do_teardown_request",
    "do_teardown_appcontext",
    "should_ignore_error",
)


def pieces_before(app: WebServer, endpoint: str) -> list[Piece]:
    """What is sync before the async view of an endpoint."""
    names = blueprints_of(endpoint)
    return [
        *_receivers(app, _BEFORE_SIGNALS),
        *_overridden(app, ("preprocess_request",)),
        *_session(app),
        *(
            _piece("url_value_preprocessor", hook)
            for name in names
            for hook in app.url_value_preprocessors.get(name, ())
        ),
        *_sync_hooks("before_request", names, app.before_request_funcs),
    ]


def pieces_after(app: WebServer, endpoint: str) -> list[Piece]:
    """What is sync after it."""
    names = blueprints_of(endpoint)
    return [
        *_receivers(app, _AFTER_SIGNALS),
        *_overridden(app, _AFTER_METHODS),
        *_session(app),
        *_sync_hooks("after_request", names, app.after_request_funcs),
        *_sync_hooks("teardown_request", names, app.teardown_request_funcs),
        *(_piece("teardown_appcontext", hook) for hook in app.teardown_appcontext_funcs if not is_async(hook)),
    ]


def blueprints_of(endpoint: str) -> tuple[str | None, ...]:
    """The keys of the hook registries for an endpoint: the application's, then its blueprints', outermost first."""
    parts = endpoint.split(".")[:-1]
    return (None, *(".".join(parts[: count + 1]) for count in range(len(parts))))


def _piece(kind: str, hook: Any) -> Piece:
    return Piece(f"{kind} {getattr(hook, '__qualname__', type(hook).__qualname__)}", place_of(hook))


def _sync_hooks(kind: str, names: Iterable[str | None], registry: Any) -> Iterator[Piece]:
    return (_piece(kind, hook) for name in names for hook in registry.get(name, ()) if not is_async(hook))


def _receivers(app: WebServer, names: Iterable[str]) -> Iterator[Piece]:
    for name in names:
        signal = getattr(signals, name)
        if signal.has_receivers_for(app):
            for receiver in signal.receivers_for(app):
                yield _piece(f"receiver of {name}", receiver)


def _overridden(app: WebServer, names: Iterable[str]) -> Iterator[Piece]:
    return (Piece(f"overridden method {name}") for name in names if app.overrides(name))


def _session(app: WebServer) -> Iterator[Piece]:
    if not app.opens_sessions_cheaply:
        cls = type(app.session_interface)
        yield Piece(f"session interface {cls.__module__}.{cls.__qualname__}", place_of(cls))
