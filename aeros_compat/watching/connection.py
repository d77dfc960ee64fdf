"""HTTP connections that keep a record of their request.

They take the place of the plain ones (Quart's ``asgi_http_class``) when somebody watches or logs, so that nothing is
asked on the way of a request while nobody does.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING, cast

from ..exchange import Exchange
from ..gateway.connection import HTTPConnection
from ..gateway.environ import path_info
from ..lanes.async_lane import run_async_lane
from ..lanes.sync_lane import run_sync_lane
from .record import RECORD, Record
from .threads import CountedCaller, CountedThreads

if TYPE_CHECKING:
    from ..exchange import Thread
    from ..gateway.answer import Answer
    from ..webserver import WebServer
    from .tally import Tally

#: What stands in a record in place of a rule.
NO_ROUTE = "(no route)"
MATCHED_LATE = "(matched by Flask)"

#: Methods that are counted by their names. A client can invent any number of others.
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})


class RecordedExchange(Exchange):
    """An exchange with a record, from the moment when a lane asks for its thread until it is forgotten."""

    record: Record
    tally: Tally | None = None

    def thread_for(self, app: WebServer, *, own: bool) -> Thread:
        record = self.record = self.scope.get(RECORD) or Record()
        self._describe(app, record)
        record.lane = "async" if own else "sync"
        if app.watch is not None:
            tally = self.tally = app.watch.tally()
            tally.in_progress += 1
        threads = app.threads
        if self.caller is not None or not isinstance(threads, CountedThreads):
            return CountedCaller(super().thread_for(app, own=own), record)
        return threads.lease(record) if own else threads.turn(record)

    def _describe(self, app: WebServer, record: Record) -> None:
        scope, match = self.scope, self.match
        method = scope["method"]
        record.method = method if method in _METHODS else "(other)"
        client = scope.get("client")
        if client:
            record.client = client[0]
        if match is None:
            mount = app.mounts.find(path_info(scope))
            record.rule = MATCHED_LATE if mount is None else f"{mount.prefix}/*"
        elif match.rule is None:
            record.rule = NO_ROUTE
        else:
            record.rule, record.endpoint = match.rule.rule, match.rule.endpoint

    def forget(self) -> None:
        super().forget()
        if self.tally is not None:
            self.record.failed = isinstance(sys.exception(), Exception)
            self.tally.add(self.record)
            self.tally = None


async def _async_lane(app: WebServer, exchange: Exchange) -> tuple[Answer, Thread]:
    began = perf_counter()
    try:
        result = await run_async_lane(app, exchange)
    finally:
        record = cast("RecordedExchange", exchange).record
        record.worked = perf_counter() - began - record.waited
    record.status = int(result[0].status[:3])
    return result


async def _sync_lane(app: WebServer, exchange: Exchange) -> tuple[Answer, Thread]:
    try:
        result = await run_sync_lane(app, exchange)
    finally:
        record = cast("RecordedExchange", exchange).record
        # Not what the clock of the loop says, which may have been blocked when the thread was ready.
        record.worked = record.on_thread
    record.status = int(result[0].status[:3])
    return result


class RecordedConnection(HTTPConnection):
    exchange_class = RecordedExchange
    async_lane = staticmethod(_async_lane)
    sync_lane = staticmethod(_sync_lane)
