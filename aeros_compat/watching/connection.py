"""HTTP connections that time their request.

They take the place of the plain ones (Quart's ``asgi_http_class``) when somebody watches or logs, so that nothing is
asked on the way of a request while nobody does. While somebody does, every microsecond here is one of every request:
so there are no coroutines around the lanes, the clock is read twice where a request has no hop, and what was seen
leaves in one tuple, to be counted by another thread.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING

from ..exchange import Exchange
from ..gateway.connection import HTTPConnection
from ..gateway.delivery import deliver
from .record import RECORD
from .tally import MATCHED_LATE, NO_ROUTE
from .threads import TimedCaller, TimedLease, TimedTurn

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from ..exchange import Thread
    from ..gateway.answer import Answer
    from ..types import Send
    from ..webserver import WebServer
    from .record import Record
    from .threads import Timed
    from .watch import Watch


class RecordedExchange(Exchange):
    """An exchange that is timed, from the moment when a lane asks for its thread until it is forgotten."""

    watch: Watch | None = None
    place: Timed | None = None
    lane = "sync"
    began = 0.0
    #: The status line of the answer, and the time until it was there without the waits for threads.
    status = ""
    worked = 0.0
    #: What stands in place of a rule.
    label = NO_ROUTE

    def thread_for(self, app: WebServer, *, own: bool) -> Thread:
        if self.place is not None:  # an answer in place of the lane's, which needs none
            return Exchange.thread_for(self, app, own=own)
        place: Timed
        if self.caller is not None:
            place = TimedCaller(self.caller.thread)
        elif own:
            place = TimedLease(app.threads)
        else:
            place = TimedTurn(app.threads)
        self.place = place
        if own:
            self.lane = "async"
            self.began = perf_counter()
        if self.match is None:
            mount = app.mounts.find_for(self.scope) if app.mounts else None
            self.label = f"{mount.prefix}/*" if mount is not None else MATCHED_LATE
        if RECORD in self.scope:
            record: Record = self.scope[RECORD]
            record.lane, record.client, record.place = self.lane, self.scope.get("client"), place
        watch = self.watch = app.watch
        if watch is not None and self.body.loop is not watch.loop:
            watch.attend(self.body.loop)
        return place

    def forget(self) -> None:
        Exchange.forget(self)
        watch, place = self.watch, self.place
        if watch is None or place is None:
            return
        if not self.status:
            self.note_end(place)
        match = self.match
        rule = match.rule if match is not None else None
        failed = isinstance(sys.exception(), Exception)
        watch.finished.append(
            (
                self.label if rule is None else rule,
                self.scope["method"],
                self.lane,
                self.status,
                failed,
                self.worked,
                place.hops,
                place.waited,
            )
        )

    def note_end(self, place: Timed) -> None:
        """Take the time of the lane. What comes after it is the client's time."""
        if self.began:
            self.worked = perf_counter() - self.began - place.waited
        elif place.worked:
            # Not what the clock of the loop says, which may have been blocked when the thread was ready.
            self.worked = place.worked
        elif place.began:
            self.worked = perf_counter() - place.began  # it is at work still, and nobody waits for its end
        elif place.posted:
            place.hops, place.waited = 1, perf_counter() - place.posted


def _deliver(answer: Answer, exchange: Any, thread: Thread, send: Send) -> Coroutine[Any, Any, None]:
    exchange.status = answer.status
    exchange.note_end(exchange.place)
    return deliver(answer, exchange, thread, send)


class RecordedConnection(HTTPConnection):
    exchange_class = RecordedExchange
    deliver = staticmethod(_deliver)
