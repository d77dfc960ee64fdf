"""HTTP connections that keep a record of their request.

They take the place of the plain ones (Quart's ``asgi_http_class``) when somebody watches or logs, so that nothing is
asked on the way of a request while nobody does.
"""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..exchange import Exchange
from ..gateway.connection import HTTPConnection
from ..gateway.websocket import WebsocketConnection
from ..gateway.websocket_socket import run_on_socket
from ..lanes.async_lane import run_async_lane
from ..lanes.sync_lane import run_sync_lane
from ..lanes.websocket_lane import run_websocket_lane
from .record import RECORD, Record
from .threads import TimedCaller, TimedLease, TimedTurn

if TYPE_CHECKING:
    from ..exchange import Thread
    from ..gateway.answer import Answer
    from ..gateway.reply import Reply
    from ..handshake import Handshake
    from ..webserver import WebServer
    from .watch import Watch


class RecordedExchange(Exchange):
    """An exchange with a record, from the moment when a lane asks for its thread until it is forgotten."""

    record: Record
    watch: Watch | None = None

    def thread_for(self, app: WebServer, *, own: bool) -> Thread:
        scope = self.scope
        record = self.record = scope.get(RECORD) or Record()
        record.lane = "async" if own else "sync"
        record.method = scope["method"]
        record.client = scope.get("client")
        record.match = self.match
        if self.match is None and app.mounts and (mount := app.mounts.find_for(scope)) is not None:
            record.mount = mount.prefix
        watch = self.watch = app.watch
        if watch is not None and asyncio.get_running_loop() is not watch.loop:
            watch.attend()
        if self.caller is not None:
            return TimedCaller(self.caller.thread, record)
        place = TimedLease(app.threads) if own else TimedTurn(app.threads)
        place.record = record
        return place

    def forget(self) -> None:
        Exchange.forget(self)
        if self.watch is not None:
            if isinstance(sys.exception(), Exception):
                self.record.failed = True
            self.watch.finished.append(self.record)


async def _async_lane(app: WebServer, exchange: Any) -> tuple[Answer, Thread]:
    began = perf_counter()
    try:
        result = await run_async_lane(app, exchange)
        exchange.record.status = result[0].status
        return result
    finally:
        record = exchange.record
        record.worked = perf_counter() - began - record.waited


async def _sync_lane(app: WebServer, exchange: Any) -> tuple[Answer, Thread]:
    try:
        result = await run_sync_lane(app, exchange)
        exchange.record.status = result[0].status
        return result
    finally:
        # Not what the clock of the loop says, which may have been blocked when the thread was ready.
        record = exchange.record
        record.worked = record.on_thread


class RecordedConnection(HTTPConnection):
    exchange_class = RecordedExchange
    async_lane = staticmethod(_async_lane)
    sync_lane = staticmethod(_sync_lane)


def _note(handshake: Handshake, lane: str) -> None:
    record: Record | None = handshake.scope.get(RECORD)
    if record is not None:
        record.lane = lane
        record.match = handshake.match
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
