"""What is counted of websockets: those that were accepted, those that are open, and their messages."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..types import Message, Receive, Send


@dataclass(frozen=True)
class WebsocketStats:
    """The websockets of one route."""

    rule: str
    endpoint: str
    #: ``sync``, ``async`` or ``mount``.
    lane: str
    #: Those that have been accepted, and those of them that are open.
    accepted: int = 0
    open: int = 0
    #: Those that have been refused.
    refused: int = 0
    #: Those that ended in an exception.
    errors: int = 0
    #: Messages from clients, and to them.
    received: int = 0
    sent: int = 0


class CountedSocket:
    """``receive`` and ``send`` of one websocket, counted."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        #: Rule, endpoint and lane, as soon as they are known.
        self.key = ("", "", "")
        self.accepted = False
        self.failed = False
        self.received = 0
        self.sent = 0

    def name(self, rule: str, endpoint: str, lane: str) -> None:
        """Say which route it is of."""
        self.key = (rule, endpoint, lane)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive":
            self.received += 1
        return message

    async def send(self, message: Message) -> None:
        await self._send(message)
        if message["type"] == "websocket.send":
            self.sent += 1
        elif message["type"] == "websocket.accept":
            self.accepted = True


class Sockets:
    """The websockets of one application in this process, on whatever loop. Nothing is locked for a message."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[CountedSocket] = set()
        self._ended: dict[tuple[str, str, str], WebsocketStats] = {}

    @contextmanager
    def open(self, socket: CountedSocket) -> Iterator[CountedSocket]:
        """Count a websocket, from here to the end of the block."""
        with self._lock:
            self._open.add(socket)
        try:
            yield socket
        finally:
            socket.failed = isinstance(sys.exception(), Exception)
            with self._lock:
                self._open.discard(socket)
                self._ended[socket.key] = _added(self._ended.get(socket.key), socket, is_open=False)

    def routes(self) -> list[WebsocketStats]:
        """What has been counted until now."""
        with self._lock:
            routes = dict(self._ended)
            for socket in self._open:
                if socket.accepted:
                    routes[socket.key] = _added(routes.get(socket.key), socket, is_open=True)
        return list(routes.values())


def _added(stats: WebsocketStats | None, socket: CountedSocket, *, is_open: bool) -> WebsocketStats:
    before = stats or WebsocketStats(*socket.key)
    return WebsocketStats(
        *socket.key,
        accepted=before.accepted + socket.accepted,
        open=before.open + is_open,
        refused=before.refused + (not socket.accepted),
        errors=before.errors + socket.failed,
        received=before.received + socket.received,
        sent=before.sent + socket.sent,
    )
