"""The application as its server sees it: when it is done with a request, and what came out of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from ..types import ASGIApp, Receive, Scope, Send


class Watch:
    """The request that is being answered. There is one at a time."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.failure = ""
        self.has_begun = False
        self.ended = threading.Event()

    def begin(self) -> None:
        self.notes.clear()
        self.failure = ""
        self.has_begun = False
        self.ended.clear()

    def fail(self, error: BaseException) -> None:
        self.failure = f"{type(error).__name__}: {error}"


class WatchedWSGI:
    """A WSGI application under a watch."""

    def __init__(self, app: WSGIApplication, watch: Watch) -> None:
        self._app = app
        self._watch = watch

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        self._watch.has_begun = True
        iterable: Any = None
        try:
            iterable = self._app(environ, start_response)
            yield from iterable
        except Exception as error:
            self._watch.fail(error)
            raise
        finally:
            if hasattr(iterable, "close"):
                iterable.close()
            self._watch.ended.set()


class WatchedASGI:
    """An ASGI application under a watch."""

    def __init__(self, app: ASGIApp, watch: Watch) -> None:
        self._app = app
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._watch.has_begun = True
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            self._watch.fail(error)
            raise
        finally:
            self._watch.ended.set()
