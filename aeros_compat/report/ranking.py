"""Views, ranked by what converting them to ``async def`` would free."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from .usage import Usage, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The share of all thread time for which the views are counted.
MOST = 0.8


@dataclass(frozen=True)
class Wait:
    """A blocking call that was found in a view, or in what it calls."""

    text: str
    place: str
    #: What it waits for: ``http``, ``database``, ``sleep``.
    kind: str
    instead: str


@dataclass(frozen=True)
class Code:
    """What was read of a view."""

    #: As ``aeros-compat asyncify`` takes it: ``shop/views.py::checkout``; empty if it cannot be named like that.
    view: str
    waits: tuple[Wait, ...]


@dataclass(frozen=True)
class Candidate:
    """A view that holds threads."""

    usage: Usage
    #: Of all the time for which threads were held.
    share: float
    #: None if the application was not looked at, or is not the one that has been served.
    code: Code | None


@dataclass(frozen=True)
class Ranking:
    """The views that hold threads, the one first that would free the most."""

    candidates: tuple[Candidate, ...]
    #: Routes that hold no thread: async already, or without a request.
    rest: tuple[Usage, ...]
    #: Seconds, over all routes.
    held: float
    waited: float
    requests: int

    @property
    def most(self) -> int:
        """How many of the first candidates hold four fifths of the thread time."""
        sums = accumulate(candidate.share for candidate in self.candidates)
        return next((number for number, total in enumerate(sums, 1) if total >= MOST - 1e-9), 0)

    @property
    def convertible(self) -> list[str]:
        """The views among the first candidates that are sync and wait: what to convert."""
        codes = [each.code for each in self.candidates[: self.most] if each.usage.lane == "sync"]
        return list(dict.fromkeys(code.view for code in codes if code is not None and code.view and code.waits))

    def as_dict(self) -> dict[str, Any]:
        """The tree as dictionaries, lists, strings and numbers, which can be written as JSON."""
        return asdict(self) | {"most": self.most, "convertible": self.convertible}


def ranked(usages: Iterable[Usage], codes: Mapping[tuple[str, str], Code] | None = None) -> Ranking:
    """Rank by thread seconds held, then by requests.

    :param codes: what was read of the views, by rule and method, if the application was looked at.
    """
    routes = merged(usages)
    held = sum(usage.held for usage in routes)
    holding = sorted((usage for usage in routes if usage.held), key=lambda usage: (-usage.held, -usage.requests))
    known = codes or {}
    return Ranking(
        tuple(Candidate(usage, usage.held / held, known.get((usage.rule, usage.method))) for usage in holding),
        tuple(usage for usage in routes if not usage.held),
        held,
        sum(usage.waited for usage in routes),
        sum(usage.requests for usage in routes),
    )
