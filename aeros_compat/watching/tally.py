"""What is counted of the requests of one event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .durations import Durations

if TYPE_CHECKING:
    from .record import Record

Key = tuple[str, str, str]


class Counters:
    """What is counted of one route and method."""

    __slots__ = ("errors", "hops", "lane", "requests", "view", "wait")

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0
        self.hops = 0
        self.view = Durations()
        self.wait = Durations()
        #: The lane of the latest request, for what is no route of the application.
        self.lane = ""

    def add(self, other: Counters) -> None:
        """Add up what two loops have counted."""
        self.requests += other.requests
        self.errors += other.errors
        self.hops += other.hops
        self.view.merge(other.view)
        self.wait.merge(other.wait)
        self.lane = other.lane


class Tally:
    """Only the loop's own thread writes to it, so that no request pays for a lock; others read numbers as they are."""

    def __init__(self) -> None:
        self.in_progress = 0
        #: By rule, method and endpoint.
        self.counters: dict[Key, Counters] = {}

    def add(self, record: Record) -> None:
        self.in_progress -= 1
        key = (record.rule, record.method, record.endpoint)
        counters = self.counters.get(key)
        if counters is None:
            counters = self.counters[key] = Counters()
        counters.requests += 1
        counters.lane = record.lane
        if record.failed or record.status >= 500:
            counters.errors += 1
        counters.view.add(record.worked)
        if record.hops:
            counters.hops += record.hops
            counters.wait.add(record.waited)
