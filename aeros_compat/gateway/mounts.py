"""Applications that are mounted under a prefix: WSGI or ASGI, each called in its own way.

A mounted WSGI application goes the way of every sync request (the sync lane: one hop, one thread, the gateway's own
environ, body and stream), so that nothing of it exists twice. A mounted ASGI application gets the scope, the
``receive`` and the ``send`` of the server. What wraps ``app.wsgi_app`` stands around both, as it stands around views.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from ..callables import is_async
from ..handshake import Handshake
from .environ import EXCHANGE, path_info, rooted
from .mounted_websocket import MountedWebsocket
from .wsgi_entry import WSGICall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from ..types import ASGIApp, Receive, Scope, Send


class Mount:
    """One application under one prefix."""

    def __init__(self, prefix: str, app: ASGIApp | WSGIApplication) -> None:
        self.prefix = _checked(prefix)
        self.app: Any = app
        self.is_asgi = is_asgi(app)
        #: The prefix as it stands in PATH_INFO (PEP 3333: each byte one latin-1 character).
        self.path = self.prefix.encode().decode("latin-1")
        #: What the lifespan of the application has put into its ``state``, for its requests.
        self.state: dict[str, Any] = {}

    def covers(self, path: str) -> bool:
        """Whether a PATH_INFO lies at or below the prefix; ``/apiary`` does not lie below ``/api``."""
        return path.startswith(self.path) and path[len(self.path) : len(self.path) + 1] in ("", "/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the ASGI application, with the prefix at the end of its ``root_path``."""
        root_path = scope.get("root_path", "").rstrip("/") + self.prefix
        inner = rooted(scope, root_path, path_info(scope)[len(self.path) :])
        if self.state:
            inner["state"] = {**(scope.get("state") or {}), **self.state}
        await self.app(inner, receive, send)

    def call_wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the application, of either kind, from the WSGI side: below middleware, say."""
        # The caller's environ stays as it is: WSGI middleware may look at it again after the call.
        inner = dict(environ)
        exchange = inner.pop(EXCHANGE, None)
        if self.is_asgi and isinstance(exchange, Handshake):
            return MountedWebsocket(exchange.connection).run(self)(inner, start_response)
        if self.is_asgi:
            return WSGICall(inner, start_response).run(self)
        return self.enter(inner, start_response)

    def enter(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the WSGI application with an environ that is its own."""
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "").rstrip("/") + self.path
        environ["PATH_INFO"] = environ.get("PATH_INFO", "")[len(self.path) :]
        return cast("Iterable[bytes]", self.app(environ, start_response))


class Mounts:
    """The mounts of one application. The longest prefix that covers a path wins."""

    def __init__(self) -> None:
        self._longest_first: list[Mount] = []
        self._with_lifespan: list[Mount] = []

    def __iter__(self) -> Iterator[Mount]:
        return iter(self._longest_first)

    def __bool__(self) -> bool:
        return bool(self._longest_first)

    def add(self, mount: Mount) -> None:
        """Raises ValueError if the prefix is taken."""
        if any(other.prefix == mount.prefix for other in self._longest_first):
            raise ValueError(f"There is an application at {mount.prefix!r} already; mount this one somewhere else.")
        self._longest_first.append(mount)
        self._longest_first.sort(key=lambda mount: len(mount.path), reverse=True)
        if mount.is_asgi:
            for other in self._with_lifespan:
                if other.app is mount.app:  # one application has one lifespan, however many prefixes
                    mount.state = other.state
                    return
            self._with_lifespan.append(mount)

    def find(self, path: str) -> Mount | None:
        """The mount for a PATH_INFO, or None."""
        for mount in self._longest_first:
            if mount.covers(path):
                return mount
        return None

    def find_for(self, scope: Scope) -> Mount | None:
        """The mount for a scope, or None."""
        return self.find(path_info(scope))

    def with_lifespan(self) -> list[Mount]:
        """The ASGI applications, each once, in the order in which they were mounted."""
        return self._with_lifespan


class MountedCall:
    """What stands in for the request context where Flask's own ``wsgi_app`` is called for the path of a mount.

    Middleware that was put around a plain Flask application holds that method, which knows no mounts. It pushes a
    request context, calls what ``full_dispatch_request`` returns as a WSGI application, and pops the context: here, the
    first says which mount it is, and the second returns it. No context of the outer application's is made.
    """

    def __init__(self, mount: Mount) -> None:
        self._mount = mount

    def push(self) -> None:
        _current_mount.set(self._mount)

    def pop(self, exc: BaseException | None = None) -> None:
        _current_mount.set(None)


def take_current_mount() -> Mount | None:
    """The mount that the current call is for. Once: the mounted application may be another WebServer."""
    mount = _current_mount.get()
    if mount is not None:
        _current_mount.set(None)
    return mount


_current_mount: ContextVar[Mount | None] = ContextVar("aeros_compat.current_mount", default=None)


def _checked(prefix: object) -> str:
    """The prefix without a slash at its end. Raises TypeError or ValueError for what can be none."""
    if not isinstance(prefix, str):
        raise TypeError(f"The prefix of a mount is a string such as '/legacy', not {prefix!r}.")
    if prefix.strip("/") == "":
        raise ValueError(
            f"An application mounted at {prefix!r} would hide every route of this one."
            " Give it a prefix such as '/legacy', or serve it in place of this one."
        )
    if not prefix.startswith("/"):
        raise ValueError(f"The prefix of a mount begins with a slash: {'/' + prefix!r}, not {prefix!r}.")
    if "//" in prefix or any(part in (".", "..") for part in prefix.split("/")):
        raise ValueError(f"The prefix {prefix!r} has an empty or a dotted part, which no request would match.")
    if set("<>") & set(prefix):
        raise ValueError(f"The prefix {prefix!r} has a variable part; a mount has a fixed prefix.")
    if set("?#%") & set(prefix) or not prefix.isprintable():
        raise ValueError(
            f"The prefix {prefix!r} has a character that no prefix needs: write the text of the path as it is after"
            " decoding, without a query and without percent signs."
        )
    return prefix.rstrip("/")


def is_asgi(app: object) -> bool:
    """Whether an application is ASGI 3 and not WSGI.

    Raises TypeError for what is neither.
    """
    if not callable(app):
        raise TypeError(f"A mounted application is a WSGI or ASGI callable, not {app!r}.")
    if is_async(app) or is_async(type(app).__call__):
        return True
    # A sync callable that hands on to another one gives itself away by the number of its arguments. One that takes any
    # number is WSGI (wsgiref.validate makes such): wrappers of ASGI applications are coroutine functions.
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError) as error:  # a built-in without a signature
        raise TypeError(_NEITHER.format(app)) from error
    for arguments in (_WSGI_ARGUMENTS, _ASGI_ARGUMENTS):
        with suppress(TypeError):
            signature.bind(*arguments)
            return arguments is _ASGI_ARGUMENTS
    raise TypeError(_NEITHER.format(app))


_WSGI_ARGUMENTS = ("environ", "start_response")
_ASGI_ARGUMENTS = ("scope", "receive", "send")
_NEITHER = (
    "{!r} can be called neither as WSGI, with (environ, start_response), nor as ASGI 3, with (scope, receive, send). If"
    " it makes an application, mount what it makes."
)
