"""An answer on its way to the client."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from ..lanes.hop import drive, hop
from .answer import STATUS_LINE, WSGI_HEADERS, Answer, fit_for_asgi, in_empty_context
from .channel import Channel
from .whole import send_answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from ..exchange import Exchange, Thread
    from ..types import Message, Send


def deliver(answer: Answer, exchange: Exchange, thread: Thread, send: Send) -> Coroutine[Any, Any, None] | None:
    """Send ``answer``: at once, if that can be done; else what sends it is returned, to be awaited."""
    if exchange.body.disconnected:
        return None
    answer.fit_to(exchange.scope["method"])
    is_whole = answer.path is None and answer.chunks is None and answer.async_chunks is None
    if is_whole and answer.encoded is not None and exchange.caller is None:
        if send_answer(send, int(answer.status[:3]), answer.encoded, answer.body):
            return None
        is_whole = False  # not a second time
    start = answer.start_message()
    if exchange.caller is None:
        if answer.encoded is None:
            start = fit_for_asgi(start)
    else:
        start.update({STATUS_LINE: answer.status, WSGI_HEADERS: answer.headers})
    if is_whole and send_answer(send, start["status"], start["headers"], answer.body):
        return None
    return _send(start, answer, exchange, thread, send)


async def _send(start: Message, answer: Answer, exchange: Exchange, thread: Thread, send: Send) -> None:
    """Send an answer, piece by piece where it is a stream, until its end or until the client leaves."""
    if answer.path is not None or (answer.chunks is None and answer.async_chunks is None):
        if exchange.scope["http_version"].startswith("1"):
            await _send_whole(start, answer, send)
        else:
            async with _until_left(exchange):
                await _send_whole(start, answer, send)
        return
    messages = BodyMessages(start, send, answer.length)
    if answer.async_chunks is not None:
        await _send_async_chunks(messages, answer.async_chunks, exchange)
    elif exchange.caller is None:
        await _send_chunks(messages, answer, exchange, thread)
    else:
        await _send_one_by_one(messages, answer, exchange, thread)


async def _send_whole(start: Message, answer: Answer, send: Send) -> None:
    await send(start)
    if answer.path is not None:
        await send({"type": "http.response.pathsend", "path": answer.path})
    else:
        # One message, and the last: an empty one after it would let the server start the next request too early.
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})


@contextlib.asynccontextmanager
async def _until_left(exchange: Exchange) -> AsyncIterator[None]:
    """A block that ends when the client leaves, whatever it is waiting for.

    Hypercorn 0.18 does not wake up who waits in ``send`` when an HTTP/2 connection closes, be it for room or only for
    the last bytes to be on their way: that request would stay for ever, with all that it holds.
    """
    loop = asyncio.get_running_loop()
    gone = in_empty_context(exchange.body.wait_for_disconnect())
    try:
        async with asyncio.timeout(None) as block:

            def leave(_: object) -> None:
                if is_inside:  # it may have been on its way already when the block ended
                    block.reschedule(loop.time())

            is_inside = True
            gone.add_done_callback(leave)
            try:
                yield
            finally:
                is_inside = False
                gone.remove_done_callback(leave)
    except TimeoutError:
        if not block.expired():
            raise  # somebody else's
    finally:
        gone.cancel()


class BodyMessages:
    """The messages of a stream: its start, with the first piece, and its body, of the announced length or broken off.

    A body that is longer or shorter than its Content-Length must not look complete to the client: the rest of it would
    be taken for the next answer on the connection, or half a file for a file. So the piece that completes the length is
    held back until the iterator has ended. If more comes, or less, an exception leaves the ASGI application, on which
    servers log it and close the connection (RFC 9112 section 8: the client knows such a message to be incomplete).

    It also means that no empty message follows a body that has its length already. After one, uvicorn would let the
    client's next request start while this one is still being answered.
    """

    def __init__(self, start: Message, send: Send, length: int | None) -> None:
        self._start: Message | None = start
        self._send = send
        self._length = length
        self._size = 0
        self._held = b""

    async def send_piece(self, piece: bytes) -> None:
        """One piece of a stream. The first one takes the start with it: a failure before it can still become a 500."""
        self._size += len(piece)
        if self._length is not None:
            if self._size > self._length:
                raise self._wrong_length("has at least")
            if self._size == self._length:
                self._held = piece
                return
        await self._send_start()
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """The end of a stream."""
        if self._length is not None and self._size < self._length:
            raise self._wrong_length("ended after")
        await self._send_start()
        await self._send({"type": "http.response.body", "body": self._held, "more_body": False})

    async def _send_start(self) -> None:
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)

    def _wrong_length(self, what: str) -> RuntimeError:
        return RuntimeError(
            f"The response announced a Content-Length of {self._length} bytes, but its body {what} {self._size}."
            " The connection is closed, so that the client does not take what it has for the whole."
            " Correct the header, or leave it out: a stream needs none."
        )


async def _send_chunks(messages: BodyMessages, answer: Answer, exchange: Exchange, thread: Thread) -> None:
    """Send what a sync iterator gives on its thread, as fast as the client takes it, until the client leaves."""
    channel = Channel()
    filling = asyncio.create_task(hop(thread, exchange.context, channel.fill, answer.next_chunk))
    try:
        async with _until_left(exchange):
            if answer.body:
                await messages.send_piece(answer.body)
            while chunk := await channel.take():
                await messages.send_piece(chunk)
            await messages.end()
    finally:
        channel.abandon()
        # A thread cannot be interrupted: what blocks inside its own next() is closed when it comes back.
        await filling


async def _send_one_by_one(messages: BodyMessages, answer: Answer, exchange: Exchange, thread: Thread) -> None:
    """The same for a caller of the WSGI entry, whose thread cannot run ahead: it is the one that takes the pieces."""
    gone = in_empty_context(exchange.body.wait_for_disconnect())
    try:
        chunk = answer.body
        while chunk and not gone.done():
            await messages.send_piece(chunk)
            if not gone.done():
                chunk = await hop(thread, exchange.context, answer.next_chunk)
        if not gone.done():
            await messages.end()
    finally:
        gone.cancel()


async def _send_async_chunks(messages: BodyMessages, chunks: Any, exchange: Exchange) -> None:
    """Send what an async iterator gives, in the request's context; stop it at once when the client leaves."""
    channel = Channel()
    filling = asyncio.get_running_loop().create_task(channel.fill_async(chunks), context=exchange.context)
    try:
        async with _until_left(exchange):
            while chunk := await channel.take():
                await messages.send_piece(chunk)
            await messages.end()
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        await drive(chunks.aclose(), exchange.context)
