"""One HTTP connection of the ASGI application: from ``receive`` through a lane to ``send``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exchange import Exchange
from ..lanes.async_lane import run_async_lane
from ..lanes.choice import is_async_lane
from ..lanes.hop import hop
from ..lanes.sync_lane import run_sync_lane
from .body import COLLECT_LIMIT, Body
from .delivery import deliver

if TYPE_CHECKING:
    from ..quart_side.core import Core
    from ..types import HTTPScope, Receive, Send


class HTTPConnection:
    """What Quart calls an ``asgi_http_class``: made with the application and a scope, called with receive and send."""

    exchange_class: type[Exchange] = Exchange
    async_lane = staticmethod(run_async_lane)
    sync_lane = staticmethod(run_sync_lane)

    def __init__(self, core: Core, scope: HTTPScope) -> None:
        self._core = core
        self._scope = scope

    async def __call__(self, receive: Receive, send: Send) -> None:
        app = self._core.server
        body = Body(receive)
        exchange = self.exchange_class(self._scope, body)
        await body.collect(COLLECT_LIMIT, exchange.content_length, app.config["MAX_CONTENT_LENGTH"])
        try:
            run = self.async_lane if is_async_lane(app, exchange) else self.sync_lane
            answer, thread = await run(app, exchange)
            if exchange.kept_contexts:
                self._core.preserve(exchange.kept_contexts[-1])
            try:
                await deliver(answer, exchange, thread, send)
            finally:
                try:
                    if answer.needs_close:
                        await hop(thread, exchange.context, answer.close)
                finally:
                    thread.release()
        finally:
            exchange.forget()
