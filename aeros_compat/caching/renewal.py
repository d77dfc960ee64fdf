"""``stale-while-revalidate``: the request that found an old entry is made once more, in the background.

It is the whole request again, with its headers, through the application's hooks and in its lane: what a view may rely
on (a database connection that a hook opens, the user whom another one loads) is there, and is given back. Its response
goes nowhere; what the view returns is stored by the same rules as ever.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

from ..gateway.environ import CALLER, EXCHANGE

if TYPE_CHECKING:
    from flask.wrappers import Request

    from ..exchange import Exchange
    from ..quart_side.core import Core
    from .caching import Caching

#: The key of the extension in the scope of such a request. Clients cannot set it.
RENEWS = "aeros_compat.renews"

#: Headers that ask for less than the whole response.
_PARTIAL = frozenset(
    {b"if-match", b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since", b"range"}
)


def is_renewal(request: Request, key: str) -> bool:
    """Whether a request is the one that renews an entry."""
    exchange: Exchange | None = request.environ.get(EXCHANGE)
    return exchange is not None and (exchange.scope.get("extensions") or {}).get(RENEWS) == key


def renew(caching: Caching, loop: asyncio.AbstractEventLoop | None, request: Request, key: str) -> bool:
    """Start to renew an entry, unless somebody does; False if it cannot be done in the background.

    That is so for requests with a body, which cannot be read twice, and outside of a server.
    """
    exchange: Exchange | None = request.environ.get(EXCHANGE)
    if exchange is None or loop is None or request.method not in ("GET", "HEAD"):
        return False
    if caching.begin_renewal(key):
        scope = _scope(exchange, key)
        loop.call_soon_threadsafe(_start, caching, caching.app.core, scope, key, context=contextvars.Context())
    return True


def _scope(exchange: Exchange, key: str) -> dict[str, Any]:
    scope = dict(exchange.scope)
    scope["headers"] = [header for header in scope["headers"] if header[0].lower() not in _PARTIAL]
    extensions = {name: value for name, value in (scope.get("extensions") or {}).items() if name != CALLER}
    scope["extensions"] = extensions | {RENEWS: key}
    scope["state"] = dict(scope.get("state") or {})
    return scope


def _start(caching: Caching, core: Core, scope: dict[str, Any], key: str) -> None:
    task = asyncio.get_running_loop().create_task(_again(caching, core, scope, key))
    core.background_tasks.add(task)  # waited for when the server stops
    task.add_done_callback(core.background_tasks.discard)


async def _again(caching: Caching, core: Core, scope: dict[str, Any], key: str) -> None:
    try:
        await core.asgi_app(scope, _Nobody().receive, _send)
    except Exception:
        caching.logger.exception("A cached response could not be renewed in the background.")
    finally:
        caching.end_renewal(key)


class _Nobody:
    """A client who sends no body and waits."""

    def __init__(self) -> None:
        self._asked = False

    async def receive(self) -> dict[str, Any]:
        if self._asked:
            await asyncio.get_running_loop().create_future()
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: object) -> None:
    """Nobody listens."""
