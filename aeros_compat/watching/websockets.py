"""Websocket connections that are counted, and say which lane has taken them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..gateway.websocket import WebsocketConnection
from ..gateway.websocket_socket import run_on_socket
from ..lanes.websocket_lane import run_websocket_lane
from .mounts import label_of
from .record import RECORD
from .sockets import CountedSocket
from .tally import MATCHED_LATE, NO_ROUTE

if TYPE_CHECKING:
    from ..gateway.reply import Reply
    from ..handshake import Handshake
    from ..types import Receive, Send
    from ..webserver import WebServer
    from .record import Record


class RecordedWebsocketConnection(WebsocketConnection):
    socket: CountedSocket | None = None

    async def __call__(self, receive: Receive, send: Send) -> None:
        watch = self._core.server.watch
        if watch is None:
            await super().__call__(receive, send)
            return
        loop = asyncio.get_running_loop()
        if loop is not watch.loop:
            watch.attend(loop)
        with watch.sockets.open(CountedSocket(receive, send)) as self.socket:
            await super().__call__(self.socket.receive, self.socket.send)

    async def async_lane(self, app: WebServer, handshake: Handshake) -> Reply | None:
        self._note(app, handshake, "async")
        return await run_websocket_lane(app, handshake)

    async def sync_lane(self, app: WebServer, handshake: Handshake) -> Reply | None:
        self._note(app, handshake, "sync")
        return await run_on_socket(app, handshake)

    def _note(self, app: WebServer, handshake: Handshake, lane: str) -> None:
        if RECORD in handshake.scope:
            record: Record = handshake.scope[RECORD]
            record.lane, record.client = lane, handshake.scope.get("client")
        if self.socket is not None:
            self.socket.name(*_route_of(app, handshake), lane)


def _route_of(app: WebServer, handshake: Handshake) -> tuple[str, str]:
    """Rule and endpoint, or what stands in place of them."""
    match = handshake.match
    if match is not None and match.rule is not None:
        return match.rule.rule, match.rule.endpoint
    mount = app.mounts.find_for(handshake.scope) if app.mounts else None
    if mount is not None:
        return label_of(mount), ""
    return (MATCHED_LATE if match is None else NO_ROUTE), ""
