"""Everything that is known of an application, in one tree."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .extensions import Extension, extensions_of
from .finding import SEVERITIES, Finding
from .middleware import Layer, layers_around
from .routes import Route, routes_of
from .rules import (
    blocking,
    bodies,
    config,
    decorators,
    enclosing,
    extensions,
    forgotten_await,
    hops,
    loops,
    patched,
    thread_locals,
    websocket_guards,
)

if TYPE_CHECKING:
    from .application import Application

#: Each gives its findings; none runs any code of the application.
RULES = (
    patched.find,
    websocket_guards.find,
    thread_locals.find,
    forgotten_await.find,
    blocking.find,
    bodies.find,
    loops.find,
    decorators.find,
    enclosing.find,
    config.find,
    hops.find,
    extensions.find,
)


@dataclass(frozen=True)
class Session:
    """Where sessions are kept."""

    interface: str
    #: Whether opening and saving one is arithmetic: then async views need no thread for it.
    is_cheap: bool


@dataclass(frozen=True)
class Diagnosis:
    """What ``aeros-compat doctor`` reports."""

    target: str
    #: ``WebServer``, or ``flask.Flask`` if it has not been swapped yet.
    kind: str
    worker_threads: int
    routes: tuple[Route, ...]
    layers: tuple[Layer, ...]
    extensions: tuple[Extension, ...]
    #: How many functions are registered as what, sync and async.
    hooks: dict[str, tuple[int, int]]
    session: Session
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """The tree as dictionaries, lists, strings and numbers, which can be written as JSON."""
        return asdict(self)


def diagnose(application: Application) -> Diagnosis:
    """Look at an application with every rule. Findings come the worst first."""
    app = application.app
    findings = [finding for find in RULES for finding in find(application)]
    return Diagnosis(
        application.target,
        "flask.Flask" if application.was_plain else "WebServer",
        app.worker_threads,
        tuple(routes_of(app)),
        tuple(layers_around(app)),
        tuple(extensions_of(app)),
        _hooks(application),
        _session(application),
        tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))),
    )


def _hooks(application: Application) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for handler in application.handlers:
        if handler.kind not in ("view", "websocket"):
            sync, asynchronous = counts.get(handler.kind, (0, 0))
            is_async = handler.on_loop is not None
            counts[handler.kind] = (sync + (not is_async), asynchronous + is_async)
    return counts


def _session(application: Application) -> Session:
    cls = type(application.app.session_interface)
    return Session(f"{cls.__module__}.{cls.__qualname__}", application.app.opens_sessions_cheaply)
