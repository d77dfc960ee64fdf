"""HTTP connections that time their request.

They take the place of the plain ones (Quart's ``asgi_http_class``) when somebody watches or logs, so that nothing is
asked on the way of a request while nobody does. While somebody does, every microsecond here is one of every request:
so there are no coroutines around the lanes, the clock is read twice where a request has no hop, and what was seen
leaves in one tuple, to be counted by another thread.
"""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter
from typing import TYPE_CHECKING

from ..exchange import Exchange
from ..gateway.connection import HTTPConnection
from ..gateway.delivery import deliver
from .mounts import label_of
from .record import RECORD
from .tally import MATCHED_LATE
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


class RecordedExchange(Exchange):
    """An exchange that is timed, from the moment when a lane asks for its thread."""

    place: Timed | None = None

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
        # Of the instance, where each is read several times: CPython takes these at a fifth of what a class's cost.
        self.answer = None
        place.taken = perf_counter() if own else 0.0
        place.hops, place.waited, place.worked = 0, 0.0, 0.0
        if RECORD in self.scope:
            record: Record = self.scope[RECORD]
            record.lane, record.client, record.place = "async" if own else "sync", self.scope.get("client"), place
            record.match = self.match
        watch = app.watch
        if watch is None:
            place.finished = None
            return place
        place.finished = watch.finished
        if self.match is None:
            place.label = _label(app, self.scope)
        loop = asyncio.get_running_loop()
        if loop is not watch.loop:
            watch.attend(loop)
        return place

    def forget(self) -> None:
        vars(self).pop("environ", None)  # what Exchange does, without a call
        place = self.place
        if place is not None and place.finished is not None:
            in_lane = place.in_lane if place.status else place.time_in_lane()
            self.hand_on(place, place.status, in_lane, isinstance(sys.exception(), Exception))

    def hand_on(self, place: Timed, status: str, in_lane: float, failed: bool) -> None:
        """Leave what was seen to be counted, once."""
        match = self.match
        rule = match.rule if match is not None else None
        place.finished.append(  # type: ignore[union-attr]  # who calls has looked
            (
                rule if rule is not None else place.label,
                self.scope["method"],
                "async" if place.taken else "sync",
                status,
                failed,
                in_lane,
                place.hops,
                place.waited,
            )
        )
        place.finished = None


def _label(app: WebServer, scope: Any) -> str:
    """What stands in place of a rule where Flask matches for itself."""
    mount = app.mounts.find_for(scope) if app.mounts else None
    return MATCHED_LATE if mount is None else label_of(mount)


def _deliver(answer: Answer, exchange: Any, thread: Thread, send: Send) -> Coroutine[Any, Any, None] | None:
    """Take the time of the lane. What comes after it is the client's time."""
    place: Timed = exchange.place
    if place.finished is not None:
        taken = place.taken
        in_lane = perf_counter() - taken - place.waited if taken else place.worked or place.time_in_lane()
        if answer.length == len(answer.body) and exchange.answer is None:
            exchange.hand_on(place, answer.status, in_lane, False)
        else:
            place.status, place.in_lane = answer.status, in_lane
    return deliver(answer, exchange, thread, send)


class RecordedConnection(HTTPConnection):
    exchange_class = RecordedExchange
    deliver = staticmethod(_deliver)
