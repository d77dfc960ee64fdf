"""One session interface under the names of both frameworks: Flask's are sync, Quart's are async."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.sessions import SessionInterface as FlaskSessionInterface
from quart.sessions import SessionInterface as QuartSessionInterface

from .upstream import flask_request_var

if TYPE_CHECKING:
    from collections.abc import Callable

    from quart import Quart

    from .webserver import WebServer


class SharedSession(QuartSessionInterface):
    """The WebServer's session interface, under the async names of Quart's."""

    def __init__(self, server: WebServer) -> None:
        self._server = server
        self._interface: Any = server.session_interface

    def is_null_session(self, instance: object) -> bool:
        return bool(self._interface.is_null_session(instance))

    async def make_null_session(self, app: Quart) -> Any:
        return self._interface.make_null_session(self._server)

    async def open_session(self, app: Quart, request: Any) -> Any:
        return await self._call(self._interface.open_session, request)

    async def save_session(self, app: Quart, session: Any, response: Any) -> None:
        if response is None:  # after a websocket that was accepted, on which no cookie can be set any more
            if self._server.opens_sessions_cheaply:
                if session.modified:
                    self._server.logger.warning(
                        "The session was changed in a websocket, and the change is lost: it is kept in a cookie."
                    )
                return
            response = self._server.response_class()
        await self._call(self._interface.save_session, session, response)

    async def _call(self, method: Callable[..., Any], *args: Any) -> Any:
        if self._server.opens_sessions_cheaply:
            return method(self._server, *args)
        return await self._server.core.sync_to_async(method)(self._server, *args)


class AwaitedSession(FlaskSessionInterface):
    """An interface written for Quart, as Flask's: its coroutines are awaited on the serving loop, from a thread."""

    def __init__(self, interface: QuartSessionInterface) -> None:
        self.interface = interface

    def is_null_session(self, obj: object) -> bool:
        return self.interface.is_null_session(obj)

    def make_null_session(self, app: Any) -> Any:
        return app.async_to_sync(self.interface.make_null_session)(app.core)

    def open_session(self, app: Any, request: Any) -> Any:
        context: Any = flask_request_var.get()
        return app.async_to_sync(self.interface.open_session)(app.core, context.quart_request)

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        app.async_to_sync(self.interface.save_session)(app.core, session, response)
