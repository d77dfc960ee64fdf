"""A promise of the package's, and how it is kept under load: the same code for a short run and for a long one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Promise:
    """A row of the table that ``python -m tests.endurance`` prints."""

    text: str
    #: Tries ``count`` times, in the unit; an AssertionError says how the promise is broken. Returns what was seen.
    keep: Callable[[int], str]
    unit: str
    #: How often in continuous integration, and how often in the long run.
    short: int
    long: int

    @property
    def key(self) -> str:
        """``module.function``, by which a run is told to try this one alone."""
        return f"{self.keep.__module__.rpartition('.')[2]}.{self.keep.__name__}"


#: All whose modules have been imported.
DECLARED: list[Promise] = []


def promise(text: str, *, unit: str, short: int, long: int) -> Callable[[Callable[[int], str]], Callable[[int], str]]:
    """Declare that the decorated function shows how ``text`` holds."""

    def declare(keep: Callable[[int], str]) -> Callable[[int], str]:
        DECLARED.append(Promise(text, keep, unit, short, long))
        return keep

    return declare
