"""Which functions of a hook registry of Flask's or Quart's apply to the current request."""

from __future__ import annotations

from typing import Any

from .upstream import flask_request_var


def applicable(registry: dict[Any, list[Any]], *, outermost_first: bool) -> list[Any]:
    """The functions of a hook registry for the current request, in Flask's order of blueprints."""
    if not registry:
        return []
    ctx = flask_request_var.get(None)
    names: list[str | None] = [*(ctx.request.blueprints if ctx is not None else ()), None]
    if outermost_first:
        names.reverse()
        return [func for name in names for func in registry.get(name, ())]
    return [func for name in names for func in reversed(registry.get(name, ()))]
