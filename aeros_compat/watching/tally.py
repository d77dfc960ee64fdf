"""What is counted of finished requests, by route."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .durations import NO_DURATIONS, Durations, DurationStats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug.routing import Rule

#: What is seen of a request: its rule, or what stands in place of one; its method; its lane; the status line of its
#: answer, empty if there was none; whether it ended in an exception; the seconds in the lane; crossings to a thread;
#: and the seconds that these waited for one.
Seen = tuple["Rule | str", str, str, str, bool, float, int, float]

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
        self.errors = 0
        self.hops = 0
        self.view = Durations()
        self.wait = Durations()
        self.add_view, self.add_wait = self.view.add, self.wait.add
        #: The lane of a request, for what is no route of the application.
        self.lane = ""

    def snapshot(self) -> RouteStats:
        view = self.view.snapshot()
        return RouteStats(
            *self.key,
            lane=self.lane,
            reason="",
            requests=view.count,
            errors=self.errors,
            hops=self.hops,
            view=view,
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

    def add(self, requests: Iterable[Seen]) -> None:
        """Count requests. No calls that can be left out: this is a good part of what being watched costs."""
        of_rules = self._of_rules
        for rule, method, lane, status, failed, worked, hops, waited in requests:
            counters = of_rules.get((id(rule), method)) or self._counters_for(rule, method, lane)
            counters.add_view(worked)
            if failed or status >= "5":  # three digits: no other status is as great
                counters.errors += 1
            if hops:
                counters.hops += hops
                counters.add_wait(waited)

    def _counters_for(self, rule: Rule | str, method: str, lane: str) -> Counters:
        if isinstance(rule, str):
            key = (rule, method if method in _METHODS else "(other)", "")
        else:
            key = (rule.rule, method, rule.endpoint)
        counters = self._by_key.setdefault(key, Counters(key))
        counters.lane = lane
        if not isinstance(rule, str):
            self._of_rules[id(rule), method] = counters
        return counters
