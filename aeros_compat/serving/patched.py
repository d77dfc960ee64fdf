"""gevent and eventlet: programs that they have patched cannot run an event loop of asyncio's."""

from __future__ import annotations

import sys

from .settings import CannotServe


def refuse_patched_threads() -> None:
    """Raises CannotServe, with what to do, if threads or sockets have been replaced by gevent's or eventlet's."""
    by = patched_by()
    if by is not None:
        raise CannotServe(
            f"This program is monkey-patched by {by}, whose threads and sockets asyncio cannot use. Remove the call of"
            f" {_CALLS[by]}: sync views run on threads here, so they need no {by}. To stay with {by} for now, serve"
            " plain flask.Flask under the server that you have."
        )


def patched_by() -> str | None:
    """``"gevent"`` or ``"eventlet"``, if one of them has replaced threads or sockets in this process."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and any(map(gevent.is_module_patched, ("threading", "socket", "select"))):
        return "gevent"
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and any(map(eventlet.is_monkey_patched, ("thread", "socket", "select"))):
        return "eventlet"
    return None


_CALLS = {"gevent": "gevent.monkey.patch_all()", "eventlet": "eventlet.monkey_patch()"}
