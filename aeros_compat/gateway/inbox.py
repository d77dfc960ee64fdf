"""The messages of a websocket's client that its view has not asked for yet."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..types import Receive

#: How far the client is read ahead of the view; then it waits. Quart's own queue has no bound.
MESSAGES_AHEAD = 1024
SIZE_AHEAD = 1024 * 1024

#: What RFC 6455 section 7.1.5 calls a connection that has ended without a close frame.
ABNORMAL_CLOSURE = 1006


class Inbox:
    """Filled from the server's ``receive``, emptied by the view."""

    def __init__(self) -> None:
        #: Why the client has left (RFC 6455 section 7.4), or None while it is there.
        self.close_code: int | None = None
        self.close_reason = ""
        self._messages: deque[str | bytes] = deque()
        self._size = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    async def fill(self, receive: Receive) -> tuple[int, str]:
        """Take messages from ``receive``, no more than there is room for, until the client leaves; say why it did."""
        while True:
            message = await receive()
            if message["type"] == "websocket.receive":
                text = message.get("text")
                await self._put(message["bytes"] if text is None else text)
            elif message["type"] == "websocket.disconnect":
                return message.get("code") or ABNORMAL_CLOSURE, message.get("reason") or ""

    async def _put(self, data: str | bytes) -> None:
        self._messages.append(data)
        self._size += len(data)
        self._arrived.set()
        if len(self._messages) >= MESSAGES_AHEAD or self._size >= SIZE_AHEAD:
            self._room.clear()
            await self._room.wait()

    def end(self, code: int, reason: str = "") -> None:
        """The client has left. What it sent before can still be taken."""
        if self.close_code is None:
            self.close_code, self.close_reason = code, reason
        self._arrived.set()

    async def take(self) -> str | bytes | None:
        """The next message, or None after the last one."""
        while not self._messages:
            if self.close_code is not None:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        message = self._messages.popleft()
        self._size -= len(message)
        self._room.set()
        return message
