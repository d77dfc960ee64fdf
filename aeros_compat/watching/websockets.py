"""Websocket connections that keep a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..gateway.websocket import WebsocketConnection
from ..gateway.websocket_socket import run_on_socket
from ..lanes.websocket_lane import run_websocket_lane
from .record import RECORD, Record

if TYPE_CHECKING:
    from ..gateway.reply import Reply
    from ..handshake import Handshake
    from ..webserver import WebServer


def _note(handshake: Handshake, lane: str) -> None:
    record: Record | None = handshake.scope.get(RECORD)
    if record is not None:
        record.lane = lane
        record.client = handshake.scope.get("client")


async def _async_websocket_lane(app: WebServer, handshake: Handshake) -> Reply | None:
    _note(handshake, "async")
    return await run_websocket_lane(app, handshake)


async def _sync_websocket_lane(app: WebServer, handshake: Handshake) -> Reply | None:
    _note(handshake, "sync")
    return await run_on_socket(app, handshake)


class RecordedWebsocketConnection(WebsocketConnection):
    async_lane = staticmethod(_async_websocket_lane)
    sync_lane = staticmethod(_sync_websocket_lane)
