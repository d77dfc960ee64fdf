"""One state of a websocket behind ``flask.*`` and ``quart.*``.

The context of a websocket is a request context of Flask's over its handshake, so that ``flask.request``,
``flask.session``, ``url_for`` and every extension that looks at them work; Quart's variable shows a view over it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import quart.ctx

from .context import RequestContext
from .quart_side.contexts import FlaskBacked
from .upstream import quart_websocket_var

if TYPE_CHECKING:
    from .gateway.websocket import WebsocketConnection
    from .handshake import Handshake


class WebsocketContext(RequestContext):
    """Flask's request context of a handshake, seen from Quart as that of a websocket.

    ``exchange`` is a :class:`~aeros_compat.handshake.Handshake`.
    """

    quart_variable = quart_websocket_var
    #: Whether Quart's cycle answers it, with its hooks; else it is Flask's, with the hooks of a request.
    in_quarts_cycle = False
    #: What Quart's cycle ended with, if no error handler wanted it.
    failure: Exception | None = None

    @property
    def connection(self) -> WebsocketConnection:
        return cast("Handshake", self.exchange).connection

    def seen_from_quart(self) -> QuartWebsocketContext:
        return QuartWebsocketContext(self)

    @cached_property
    def quart_request(self) -> Any:
        """What ``quart.websocket`` is, made when it is first asked for."""
        websocket: Any = self.app.core.make_websocket(self.connection)
        self._share_match(websocket)
        return websocket

    def copy(self) -> WebsocketContext:
        context = cast("WebsocketContext", super().copy())
        context.in_quarts_cycle = self.in_quarts_cycle
        return context

    def _tear_down(self, exc: BaseException | None) -> None:
        if self.in_quarts_cycle:
            self.app.async_to_sync(self.app.core.do_teardown_websocket)(exc)
        else:
            super()._tear_down(exc)

    async def _tear_down_async(self, exc: BaseException | None) -> None:
        if self.in_quarts_cycle:
            await self.app.core.do_teardown_websocket(exc)
        else:
            await super()._tear_down_async(exc)

    async def _close_request_async(self) -> None:
        # close() of a websocket object is another thing than that of a request.
        self.request.close()


class QuartWebsocketContext(FlaskBacked, quart.ctx.WebsocketContext):  # type: ignore[misc, override]
    """What ``quart.websocket`` and ``quart.session`` look at: a view over Flask's context of the handshake."""

    _flask: WebsocketContext

    def __init__(self, flask_context: WebsocketContext) -> None:
        super().__init__(flask_context)
        self._after_websocket_functions: list[Any] = []
