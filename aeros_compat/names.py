"""Names that the WebServer has and Flask has not, and which cannot be an application's own: requests depend on them.

An application that used one for something else (``app.router = ...``) would fail at a request, far from that line; so
it is refused where it happens. Of all other names of the WebServer's, an attribute of one's own only takes the place of
what the name stands for: ``app.cache = Cache(app)`` that of the decorator.
"""

from __future__ import annotations

import inspect

#: What is set once, by the constructor.
_SET_ONCE = frozenset({"core", "mounts", "overdue", "request_timeout", "servers", "waiting_per_thread"})

#: What is never set.
_NEVER_SET = frozenset(
    {
        "after_serving_funcs",
        "after_websocket_funcs",
        "around",
        "awaited",
        "background_tasks",
        "before_serving_funcs",
        "before_websocket_funcs",
        "call_wsgi",
        "encloses_mounts",
        "encloses_views",
        "forget_first_request",
        "forget_requests",
        "log_requests",
        "log_sync_decorators",
        "logs_requests",
        "open_session_of",
        "opens_sessions_cheaply",
        "overrides",
        "own_wsgi_app",
        "proxies",
        "record_requests",
        "router",
        "share_figures",
        "start_watching",
        "teardown_websocket_funcs",
        "threads",
        "use_threads",
        "watch",
        "watch_locally",
        "websocket_threads",
        "while_serving_gens",
    }
)

RESERVED = _SET_ONCE | _NEVER_SET


def check_attribute(app: object, name: str) -> None:
    """Raises AttributeError if ``name`` is one of the WebServer's that is not to be set, or not any more."""
    if name in _NEVER_SET or (name in _SET_ONCE and name in vars(app)):
        raise AttributeError(f"{type(app).__name__}.{name} cannot be set. {_advice([name])}")


def check_class(app: object, cls: type) -> None:
    """Raises TypeError if the class of ``app``, a subclass of ``cls``, has something of its own under such a name."""
    own = [
        name
        for name in sorted(RESERVED)
        if inspect.getattr_static(type(app), name, None) is not inspect.getattr_static(cls, name, None)
    ]
    if own:
        raise TypeError(f"The class {type(app).__name__} defines {', '.join(own)}. {_advice(own)}")


def check_attributes(app: object) -> None:
    """Raises TypeError if ``app``, an application that is to become a WebServer, has an attribute of such a name."""
    own = sorted(RESERVED & vars(app).keys())
    if own:
        raise TypeError(f"{app!r} has set {', '.join(own)}. {_advice(own)}")


def _advice(names: list[str]) -> str:
    return (
        "WebServer has attributes of its own with such names, which its requests need: choose others, or keep what is"
        f" yours in app.extensions[{names[0]!r}]."
    )
