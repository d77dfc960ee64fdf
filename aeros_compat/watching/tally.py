"""What is counted of finished requests, by route."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .durations import NO_DURATIONS, Durations, DurationStats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .record import Record

#: Rule, method and endpoint.
Key = tuple[str, str, str]

#: What stands in place of a rule.
NO_ROUTE = "(no route)"
MATCHED_LATE = "(matched by Flask)"

#: Methods that are counted by their names where no rule bounds them: a client can invent any number of others.
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})


@dataclass(frozen=True)
class RouteStats:
    """One route and HTTP method, or what was asked for without a route."""

    rule: str
    method: str
    endpoint: str
    #: ``sync``, ``async``, ``async on a thread`` or ``mount``.
    lane: str
    #: What keeps an async view on a thread: decorators, WSGI middleware, an overridden method.
    reason: str
    requests: int = 0
    #: Responses with a status of 500 and above, and requests that failed without a response.
    errors: int = 0
    #: Crossings from the event loop to a thread.
    hops: int = 0
    #: Time in the view, and the hooks around it.
    view: DurationStats = NO_DURATIONS
    #: Time that a request waited for threads.
    wait: DurationStats = NO_DURATIONS


class Counters:
    """What is counted of one route and method."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.requests = 0
        self.errors = 0
        self.hops = 0
        self.view = Durations()
        self.wait = Durations()
        #: The lane of the latest request, for what is no route of the application.
        self.lane = ""

    def snapshot(self) -> RouteStats:
        return RouteStats(
            *self.key,
            lane=self.lane,
            reason="",
            requests=self.requests,
            errors=self.errors,
            hops=self.hops,
            view=self.view.snapshot(),
            wait=self.wait.snapshot(),
        )


class Tally:
    """The counters of all routes that have been asked for. Callers hold a lock."""

    def __init__(self) -> None:
        #: By the identity of the rule and by the method: rules have no hash. They are not freed while their URL map is.
        self._of_rules: dict[tuple[int, str], Counters] = {}
        self._by_key: dict[Key, Counters] = {}

    def counters(self) -> list[Counters]:
        return list(self._by_key.values())

    def settle(self) -> None:
        """Keep the memory bounded. To be called now and then."""
        for counters in self._by_key.values():
            counters.view.settle()
            counters.wait.settle()

    def add(self, records: Iterator[Record]) -> None:
        """Count requests. No calls that can be left out: this is a good part of what being watched costs."""
        of_rules = self._of_rules
        for record in records:
            match = record.match
            rule = match.rule if match is not None else None
            counters = of_rules.get((id(rule), record.method)) if rule is not None else None
            if counters is None:
                counters = self._counters_for(record)
            counters.requests += 1
            counters.lane = record.lane
            if record.failed or record.status[:1] == "5":
                counters.errors += 1
            counters.view.add(record.worked)
            if record.hops:
                counters.hops += record.hops
                counters.wait.add(record.waited)

    def _counters_for(self, record: Record) -> Counters:
        key = key_of(record)
        counters = self._by_key.setdefault(key, Counters(key))
        if record.match is not None and record.match.rule is not None:
            self._of_rules[id(record.match.rule), record.method] = counters
        return counters


def key_of(record: Record) -> Key:
    """The route and method of a request, or what stands for one: there are no more of them than routes."""
    match = record.match
    if match is not None and match.rule is not None:
        return match.rule.rule, record.method, match.rule.endpoint
    rule = f"{record.mount}/*" if record.mount else MATCHED_LATE if match is None else NO_ROUTE
    return rule, record.method if record.method in _METHODS else "(other)", ""
