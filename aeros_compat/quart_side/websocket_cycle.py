"""Quart's cycle for websockets, with what it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from quart import Quart

from ..callables import is_async_view, is_awaitable
from ..gateway.environ import decoded_path, headers_for_quart
from ..hooks import applicable
from ..upstream import flask_request_var

if TYPE_CHECKING:
    from quart.wrappers import Websocket

    from ..gateway.websocket import WebsocketConnection


class WebsocketCycle(Quart):
    """The part of the core that answers websockets."""

    def make_websocket(self, connection: WebsocketConnection) -> Websocket:
        """Quart's websocket object for a connection."""
        scope = connection.scope
        websocket = self.websocket_class(
            decoded_path(scope),
            scope["query_string"],
            scope.get("scheme", "ws"),
            headers_for_quart(scope),
            scope.get("root_path", ""),
            scope.get("http_version", "1.1"),
            list(scope.get("subprotocols") or ()),
            connection.receive,
            connection.send_data,
            connection.accept,
            connection.close,
            cast("Any", scope),
        )
        websocket.json_module = self.json
        return websocket

    def adopt_teardowns(self) -> None:
        """Take over the ``teardown_websocket`` functions of blueprints, which Quart 0.22 forgets to do."""
        for name, blueprint in self.blueprints.items():
            known = self.teardown_websocket_funcs[name]
            own = getattr(blueprint, "teardown_websocket_funcs", {}).get(None, ())
            known.extend(func for func in own if func not in known)

    async def preprocess_websocket(self, websocket_context: Any = None) -> Any:
        """What comes before the view. Quart gives ``url_value_preprocessors`` the request, of which there is none."""
        ctx = cast("Any", flask_request_var.get(None))
        if ctx is None:  # a websocket object that somebody has made by hand
            return await super().preprocess_websocket(websocket_context)
        websocket = ctx.quart_request
        for func in applicable(self.url_value_preprocessors, outermost_first=True):
            await self.ensure_async(func)(websocket.endpoint, websocket.view_args)
        for func in applicable(self.before_websocket_funcs, outermost_first=True):
            rv = await self.ensure_async(func)()
            if rv is not None:
                return rv
        return None

    async def dispatch_websocket(self, websocket_context: Any = None) -> Any:
        """Call the view. Quart does not await what a sync decorator around an async view returns."""
        ctx = cast("Any", flask_request_var.get(None))
        if ctx is None:
            return await super().dispatch_websocket(websocket_context)
        websocket = ctx.quart_request
        if websocket.routing_exception is not None:
            self.raise_routing_exception(websocket)
        view = self.view_functions[websocket.endpoint]
        if is_async_view(view, "GET"):
            return await ctx.await_call(view, **websocket.view_args)
        rv: Any = await self.sync_to_async(view)(**websocket.view_args)
        return await rv if is_awaitable(rv) else rv
