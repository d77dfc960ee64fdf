"""One websocket connection of the ASGI application: from the handshake through a view to the close.

Source: the ASGI websocket specification (https://asgi.readthedocs.io/en/latest/specs/www.html#websocket).

Two tasks: one reads what the client sends, as far ahead as the inbox has room; the other runs the view. Both are the
server's own. The code of the user's runs in the handshake's ``contextvars.Context``, and what it sends crosses back
(see :meth:`WebsocketConnection._deliver`).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from typing import TYPE_CHECKING, Any

from quart.signals import websocket_received, websocket_sent

from ..handshake import Handshake
from ..lanes.choice import is_websocket_lane
from ..lanes.hop import drive
from ..lanes.websocket_lane import run_websocket_lane
from .answer import encode_headers
from .inbox import ABNORMAL_CLOSURE, Inbox
from .websocket_socket import run_on_socket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.datastructures import Headers

    from ..quart_side.core import Core
    from ..types import Message, Receive, Scope, Send
    from .reply import Reply


class WebsocketConnection:
    """What Quart calls an ``asgi_websocket_class``: made with application and scope, called with receive and send.

    What a view does with ``quart.websocket`` ends here, and so does what sync code does with its socket.
    """

    async_lane = staticmethod(run_websocket_lane)
    sync_lane = staticmethod(run_on_socket)

    def __init__(self, core: Core, scope: Scope) -> None:
        self.scope = scope
        self.inbox = Inbox()
        self.accepted = False
        self.closed = False
        self._core = core
        self._receive: Receive
        self._send: Send
        self._reading: asyncio.Task[None]
        self._view: asyncio.Task[Any] | None = None
        #: The context of the server, for what it has to do on behalf of the view.
        self._servers_context = contextvars.copy_context()

    @property
    def left(self) -> bool:
        """Whether the client has gone."""
        return self.inbox.close_code is not None

    async def __call__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        handshake = await Handshake.of(self.scope, self)
        answering = asyncio.create_task(self._answer(handshake))
        self._start_reading()
        try:
            await asyncio.wait((answering,))
        finally:
            self._leave()
            try:
                # Also if the server cancels this task: until it does so once more, what is open is closed in order.
                await asyncio.wait((answering,))
            finally:
                answering.cancel()
                handshake.forget()
                await self._stop_reading()
        for task in (answering, self._reading):
            if not task.cancelled():
                task.result()

    def _start_reading(self) -> None:
        self._reading = asyncio.get_running_loop().create_task(self._read(), context=self._servers_context)

    async def _stop_reading(self) -> None:
        self._reading.cancel()
        await asyncio.wait((self._reading,))

    async def _read(self) -> None:
        try:
            code, reason = await self.inbox.fill(self._receive)
        except Exception:
            self._leave()
            raise
        self._leave(code, reason)

    def _leave(self, code: int = ABNORMAL_CLOSURE, reason: str = "") -> None:
        """Nobody is there any more: cancel the view, and let everybody know who waits for a message."""
        # In this order: a gather() in the view would leave its other tasks behind if one of them ended first.
        if self._view is not None and not self.left:
            self._view.cancel()
        self.inbox.end(code, reason)

    @contextlib.contextmanager
    def cancelling_when_left(self) -> Iterator[None]:
        """Cancel the current task when the client leaves before the end of the block."""
        if self.left:
            raise asyncio.CancelledError
        self._view = asyncio.current_task()
        try:
            yield
        finally:
            self._view = None

    async def _answer(self, handshake: Handshake) -> None:
        app = self._core.server
        run = self.async_lane if is_websocket_lane(app, handshake) else self.sync_lane
        try:
            reply = await run(app, handshake)
        except BaseException:
            if self.accepted:
                await self._end(1011)
            raise
        if self.accepted:
            await self._end(1000 if reply is None else reply.close_code)
        elif not self.closed:
            await self._reject(reply)

    async def _end(self, code: int) -> None:
        if not self.closed and not self.left:
            await self.close(code)

    async def _reject(self, reply: Reply | None) -> None:
        if reply is None or "websocket.http.response" not in (self.scope.get("extensions") or {}):
            await self._deliver({"type": "websocket.close"})  # the server answers 403
            return
        for message in reply.messages():
            await self._deliver(message)

    # What the view does.

    async def receive(self) -> str | bytes:
        """The next message. Raises CancelledError after the last one, in whichever task of the view's it is awaited."""
        message = await self.inbox.take()
        if message is None:
            raise asyncio.CancelledError
        await websocket_received.send_async(message)
        return message

    async def send_data(self, data: str | bytes) -> None:
        if not await self.put(data):
            raise asyncio.CancelledError
        await websocket_sent.send_async(data)

    async def put(self, data: str | bytes) -> bool:
        """Send a message; whether the client was still there."""
        kind = "text" if isinstance(data, str) else "bytes"
        return await self._deliver({"type": "websocket.send", "bytes": None, "text": None, kind: data})

    async def accept(self, headers: Headers, subprotocol: str | None) -> None:
        if not self.accepted:
            self.accepted = True
            await self._deliver(
                {"type": "websocket.accept", "subprotocol": subprotocol, "headers": encode_headers(list(headers))}
            )

    async def close(self, code: int, reason: str = "") -> None:
        if self.closed:
            raise RuntimeError("Cannot close websocket multiple times")
        self.closed = True
        await self._stop_reading()  # granian 2.8 sends no close while a receive is pending
        await self._deliver({"type": "websocket.close", "code": code, "reason": reason})
        if not self.left:
            self._start_reading()

    async def _deliver(self, message: Message) -> bool:
        """Hand a message to the server, in its own context; whether the client was still there."""
        if self.left:
            return False
        try:
            await drive(self._call_send(message), self._servers_context)
        except OSError:  # that the client has gone (ASGI specification, "Disconnected Client - send exception")
            self._leave()
            return False
        return True

    async def _call_send(self, message: Message) -> None:
        await self._send(message)
