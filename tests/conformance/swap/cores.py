"""A stand-in for ``quart.Quart``: calling it gives the core of a new WebServer."""

from __future__ import annotations

from typing import Any

from quart import Quart

from aeros_compat import WebServer


class _CoreMaker(type(Quart)):  # type: ignore[misc]
    def __call__(cls, *args: Any, **kwargs: Any) -> Quart:
        server = WebServer(*args, **kwargs)
        core = server.core
        core.conformance_server = server  # type: ignore[attr-defined]
        return core

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Quart)


class CoreOfWebServer(Quart, metaclass=_CoreMaker):
    """What the tests of Quart get in the place of ``Quart``. The core alone would not keep its WebServer alive."""
