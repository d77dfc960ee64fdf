"""One HTTP connection of the ASGI application: from ``receive`` through a lane to ``send``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..exchange import Exchange, Thread
from ..lanes.async_lane import run_async_lane
from ..lanes.choice import is_async_lane
from ..lanes.hop import drive, hop
from ..lanes.sync_lane import run_sync_lane
from .answer import Answer, in_empty_context, without_date
from .body import COLLECT_LIMIT, Body
from .channel import Channel

if TYPE_CHECKING:
    from ..core import Core
    from ..types import HTTPScope, Receive, Send


class HTTPConnection:
    """What Quart calls an ``asgi_http_class``: made with the application and a scope, called with receive and send."""

    def __init__(self, core: Core, scope: HTTPScope) -> None:
        self._core = core
        self._scope = scope

    async def __call__(self, receive: Receive, send: Send) -> None:
        app = self._core.server
        body = Body(receive)
        exchange = Exchange(self._scope, body)
        await body.collect(COLLECT_LIMIT, exchange.content_length, app.config["MAX_CONTENT_LENGTH"])
        run = run_async_lane if is_async_lane(app, exchange) else run_sync_lane
        answer, thread = await run(app, exchange)
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
        start["headers"] = without_date(start["headers"])
    await send(start)
    if answer.async_chunks is not None:
        await _send_async_chunks(answer, exchange, send)
    elif answer.chunks is None:
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


async def _send_async_chunks(answer: Answer, exchange: Exchange, send: Send) -> None:
    """Advance an async iterator on the loop, in the request's context; stop at once when the client leaves."""
    loop = asyncio.get_running_loop()
    chunks: Any = answer.async_chunks
    gone = in_empty_context(exchange.body.wait_for_disconnect())
    try:
        while True:
            step = loop.create_task(anext(chunks, None), context=exchange.context)
            await asyncio.wait((step, gone), return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                step.cancel()
                await asyncio.wait((step,))
                return
            chunk = step.result()
            if chunk is None:
                break
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        gone.cancel()
        await drive(chunks.aclose(), exchange.context)
