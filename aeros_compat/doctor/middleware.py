"""What stands around an application: WSGI and ASGI middleware, mounts."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .source import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..webserver import WebServer
    from .source import Place


@dataclass(frozen=True)
class Layer:
    """Something around the application, the outermost first."""

    #: ``WSGI middleware``, ``ASGI middleware`` or ``mount``.
    kind: str
    name: str
    #: What happens to it under a WebServer.
    effect: str
    place: Place | None = None


_ON_SCOPE = "recognised, and applied to the ASGI scope: sync and async views see the same client, at no cost"
_AROUND = "stands around every request as under WSGI, so all views are called from worker threads, async ones too"
_ASGI = "stands around everything: sync and async views, websockets, mounts"

#: Where middleware keeps what it wraps.
_ATTRIBUTES = ("app", "wsgi_app", "application", "_app", "_wsgi_app", "wsgi")


def layers_around(app: WebServer) -> Iterator[Layer]:
    """What has been put around ``asgi_app`` and ``wsgi_app``, and the mounts."""
    outer = vars(app).get("asgi_app")
    if outer is not None:
        yield Layer("ASGI middleware", _name(outer), _ASGI, place_of(outer))
    for wrapped in _chain(vars(app).get("wsgi_app")):
        effect = _ON_SCOPE if app.proxies is not None else _AROUND
        yield Layer("WSGI middleware", _name(wrapped), effect, place_of(wrapped))
    for mount in app.mounts:
        yield Layer("mount", mount.prefix, "gets every request below its prefix; hooks of the application do not run")


def _chain(wrapped: Any) -> Iterator[Any]:
    seen = set()
    while wrapped is not None and not _is_flasks(wrapped) and id(wrapped) not in seen:
        seen.add(id(wrapped))
        yield wrapped
        wrapped = next((vars(wrapped)[name] for name in _ATTRIBUTES if name in getattr(wrapped, "__dict__", {})), None)


def _is_flasks(wrapped: Any) -> bool:
    """Whether it is the ``wsgi_app`` method of an application, the innermost layer."""
    return inspect.ismethod(wrapped) and wrapped.__name__ == "wsgi_app"


def _name(wrapped: Any) -> str:
    thing = wrapped if hasattr(wrapped, "__qualname__") else type(wrapped)
    return f"{thing.__module__}.{thing.__qualname__}"
