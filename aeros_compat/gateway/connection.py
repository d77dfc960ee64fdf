"""One HTTP connection of the ASGI application: from ``receive`` through a lane to ``send``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..exchange import Exchange
from ..lanes.async_lane import run_async_lane
from ..lanes.choice import is_async_lane
from ..lanes.hop import hop
from ..lanes.sync_lane import run_sync_lane
from ..limits.limits import is_overloaded, refuse, timeout_of
from ..limits.timed import within
from .body import COLLECT_LIMIT, Body
from .delivery import deliver

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..exchange import Thread
    from ..lanes.around import Around
    from ..quart_side.core import Core
    from ..types import HTTPScope, Receive, Send
    from ..webserver import WebServer
    from .answer import Answer
    from .mounts import Mount


class HTTPConnection:
    """What Quart calls an ``asgi_http_class``: made with the application and a scope, called with receive and send."""

    exchange_class: type[Exchange] = Exchange
    deliver = staticmethod(deliver)
    #: The mounted application that the request is for, and what stands around the views, if that is known.
    mount: Mount | None = None
    around: Around | None = None

    def __init__(self, core: Core, scope: HTTPScope) -> None:
        self._core = core
        self._scope = scope

    async def __call__(self, receive: Receive, send: Send) -> None:
        app = self._core.server
        body = Body(receive)
        exchange = self.exchange_class(self._scope, body)
        exchange.mount, exchange.around = self.mount, self.around
        collecting = body.collect(COLLECT_LIMIT, exchange.content_length, app.config["MAX_CONTENT_LENGTH"])
        if collecting is not None:
            await collecting
        try:
            answer, thread = await self._answer(app, exchange)
            if exchange.kept_contexts:
                self._core.preserve(exchange.kept_contexts[-1])
            try:
                sending = self.deliver(answer, exchange, thread, send)
                if sending is not None:
                    await sending
            finally:
                try:
                    if answer.needs_close:
                        await hop(thread, exchange.context, answer.close)
                finally:
                    thread.release()
        finally:
            if body.collected is None:
                body.close()
            exchange.forget()

    def _answer(self, app: WebServer, exchange: Exchange) -> Coroutine[Any, Any, tuple[Answer, Thread]]:
        """The coroutine that answers, in the lane of the request."""
        if is_async_lane(app, exchange):
            run = run_async_lane
        elif is_overloaded(app, exchange):
            return refuse(app, exchange)
        else:
            run = run_sync_lane
        timeout = timeout_of(app, exchange)
        return run(app, exchange) if timeout is None else within(timeout, app, exchange, run(app, exchange))
