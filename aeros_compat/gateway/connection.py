"""One HTTP connection of the ASGI application: from ``receive`` through a lane to ``send``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..exchange import Exchange, Thread
from ..lanes.async_lane import run_async_lane
from ..lanes.choice import is_async_lane
from ..lanes.hop import drive, hop
from ..lanes.sync_lane import run_sync_lane
from .answer import STATUS_LINE, WSGI_HEADERS, Answer, fit_for_asgi, in_empty_context
from .body import COLLECT_LIMIT, Body
from .channel import Channel

if TYPE_CHECKING:
    from ..core import Core
    from ..types import HTTPScope, Message, Receive, Send
    from ..webserver import WebServer


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
            await self._answer(app, exchange, send)
        finally:
            exchange.forget()

    async def _answer(self, app: WebServer, exchange: Exchange, send: Send) -> None:
        run = self.async_lane if is_async_lane(app, exchange) else self.sync_lane
        answer, thread = await run(app, exchange)
        if exchange.kept_contexts:
            self._core.preserve(exchange.kept_contexts[-1])
        try:
            await _send(answer, exchange, thread, send)
        finally:
            try:
                if answer.needs_close:
                    await hop(thread, exchange.context, answer.close)
            finally:
                thread.release()


async def _send(answer: Answer, exchange: Exchange, thread: Thread, send: Send) -> None:
    start = answer.start_message()
    if exchange.caller is None:
        start = fit_for_asgi(start)
    else:
        start.update({STATUS_LINE: answer.status, WSGI_HEADERS: answer.headers})
    if answer.async_chunks is not None:
        await _send_async_chunks(start, answer.async_chunks, exchange, send)
        return
    await send(start)
    if answer.chunks is None:
        # One message, and the last: an empty one after it would let the server start the next request too early.
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})
    elif exchange.caller is None:
        await _send_chunks(answer, exchange, thread, send)
    else:
        await _send_one_by_one(answer, exchange, thread, send)


async def _send_chunks(answer: Answer, exchange: Exchange, thread: Thread, send: Send) -> None:
    """Send what a sync iterator gives on its thread, as fast as the client takes it, until the client leaves."""
    channel = Channel()
    gone = in_empty_context(exchange.body.wait_for_disconnect())
    gone.add_done_callback(lambda _: channel.abandon())
    filling = asyncio.create_task(hop(thread, exchange.context, channel.fill, answer.next_chunk))
    try:
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        while chunk := await channel.take():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        left = gone.done()
        gone.cancel()
        channel.abandon()
        await filling
    if not left:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_one_by_one(answer: Answer, exchange: Exchange, thread: Thread, send: Send) -> None:
    """The same for a caller of the WSGI entry, whose thread cannot run ahead: it is the one that takes the pieces."""
    gone = in_empty_context(exchange.body.wait_for_disconnect())
    try:
        chunk = answer.body
        while chunk and not gone.done():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if not gone.done():
                chunk = await hop(thread, exchange.context, answer.next_chunk)
        if not gone.done():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        gone.cancel()


async def _send_async_chunks(start: Message, chunks: Any, exchange: Exchange, send: Send) -> None:
    """Send what an async iterator gives, in the request's context; stop it at once when the client leaves."""
    channel = Channel()
    gone = in_empty_context(exchange.body.wait_for_disconnect())
    gone.add_done_callback(lambda _: channel.abandon())
    filling = asyncio.get_running_loop().create_task(channel.fill_async(chunks), context=exchange.context)
    started = False
    try:
        while chunk := await channel.take():
            if not started:
                # With the first piece, so that a failure before it still becomes a 500.
                started = True
                await send(start)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        left = gone.done()
    finally:
        gone.cancel()
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        await drive(chunks.aclose(), exchange.context)
    if not left:
        if not started:
            await send(start)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
