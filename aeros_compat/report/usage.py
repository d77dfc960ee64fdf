"""What a view was used for: requests, and the time of threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Lanes in which a request holds a thread from its beginning to its end.
_HOLDING = ("sync", "async on a thread")


@dataclass
class Usage:
    """One route and method. Times are seconds, added up over all requests."""

    method: str
    rule: str
    lane: str
    #: What keeps an async view on a thread.
    reason: str = ""
    requests: int = 0
    errors: int = 0
    #: How long threads were held for it: what becomes free when it waits on the event loop instead.
    held: float = 0.0
    #: How long its requests waited for a thread.
    waited: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.method} {self.rule}"

    def add(self, other: Usage) -> None:
        """Count the requests of another process too."""
        self.requests += other.requests
        self.errors += other.errors
        self.held += other.held
        self.waited += other.waited


def usages_in_stats(stats: dict[str, Any]) -> list[Usage]:
    """From the JSON of the watch: ``LaneStats.as_dict()``.

    :raises KeyError, TypeError: if it is something else.
    """
    return [
        Usage(
            route["method"],
            route["rule"],
            route["lane"],
            route["reason"],
            route["requests"],
            route["errors"],
            route["view"]["total"] if route["lane"] in _HOLDING else 0.0,
            route["wait"]["total"],
        )
        for route in stats["routes"]
    ]


def usage_in_line(line: dict[str, Any]) -> Usage | None:
    """From a line of the access log in JSON; None if it is a line of something else, or of a websocket.

    :raises KeyError, TypeError: if a line of the access log lacks a field.

    The time of a request lasts to the end of its response, so that a slow client counts too.
    """
    if "duration_ms" not in line or line["protocol"] == "WebSocket":  # which holds a thread of its own, if any
        return None
    waited = line["wait_ms"] / 1000
    held = line["duration_ms"] / 1000 - waited if line["lane"] in _HOLDING else 0.0
    failed = line["status"] >= 500
    return Usage(line["method"], line["route"], line["lane"], "", 1, int(failed), max(held, 0.0), waited)


def merged(usages: Iterable[Usage]) -> list[Usage]:
    """One for each route and method."""
    found: dict[tuple[str, str], Usage] = {}
    for usage in usages:
        known = found.setdefault((usage.method, usage.rule), usage)
        if known is not usage:
            known.add(usage)
    return list(found.values())
