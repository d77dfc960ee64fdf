"""Comparing outcomes: what plain Flask answers the same way every time has to be the same on WebServer."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .outcome import BROKEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .outcome import Outcome

#: A word, a number, a part of a signed token; or one other character.
_TOKEN = re.compile(r"[\w\-]+|\W", re.ASCII)


@dataclass(frozen=True)
class Difference:
    """One part of an outcome that WebServer gives otherwise, around the place where it begins to differ."""

    part: str
    expected: str
    found: str


@dataclass
class Reference:
    """The outcomes of one request in several runs of plain Flask."""

    runs: list[Outcome]
    #: The parts that were not the same in all of them: dates, random tokens, counters of other processes.
    unstable: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._parts = [outcome.parts() for outcome in self.runs]
        first = self._parts[0]
        self.unstable = sorted(
            {name for parts in self._parts[1:] for name in first.keys() | parts if parts.get(name) != first.get(name)}
        )

    @property
    def names(self) -> set[str]:
        """All parts that there were."""
        return set().union(*self._parts)

    def differences(
        self, outcome: Outcome, *, of_any_length: bool = False, measured: Collection[str] = ()
    ) -> list[Difference]:
        """What is not as on Flask; of unstable parts, what stands around the places that vary.

        :param of_any_length: whether the body that a request for the same target gets varies, so that an answer to
            HEAD, which has none, may announce any length.
        :param measured: headers whose numbers are not compared: see :func:`measured_headers`.
        """
        found = outcome.parts()
        expected = self._parts[0]
        names = [name for name in expected | found if expected.get(name) != found.get(name)]
        if "failure" in names and not (self.runs[0].failure and outcome.failure):
            # One has answered and the other has not: nothing else can be compared.
            names = [name for name in names if name in ("failure", "status")]
        if "header content-length" in names and ("body" in names or of_any_length):
            names.remove("header content-length")
        return [
            _difference(name, expected.get(name), found.get(name))
            for name in names
            if not self._is_alike(name, outcome, found.get(name))
            and not (name in measured and _without_numbers(expected.get(name)) == _without_numbers(found.get(name)))
        ]

    def _is_alike(self, name: str, outcome: Outcome, found: str | None) -> bool:
        if name == "failure" and self.runs[0].failure.startswith(BROKEN) and outcome.failure:
            return True  # an answer that no server can send: each server, and its client, fails in its own way
        texts = [parts.get(name) for parts in self._parts]
        if name == "body" and not all(run.is_complete for run in (*self.runs, outcome)):
            return _have_one_beginning([*texts, found])
        if name not in self.unstable:
            return False
        if found is None or None in texts:
            return found in texts
        return _fits(found, [text for text in texts if text is not None])


def measured_headers(references: Iterable[Reference]) -> set[str]:
    """The headers that plain Flask gives otherwise for most requests: times that something took, random names.

    Such a one may have been the same by chance each time that one of the requests was made.
    """
    varied, all_of = Counter[str](), Counter[str]()
    for reference in references:
        varied.update(name for name in reference.unstable if name.startswith("header "))
        all_of.update(name for name in reference.names if name.startswith("header "))
    return {name for name, count in varied.items() if count * 2 > all_of[name]}


def _without_numbers(text: str | None) -> str | None:
    return text and re.sub(r"\d+", "0", text)


def _have_one_beginning(texts: Sequence[str | None]) -> bool:
    """Whether bodies that were cut off are the same as far as the shortest of them goes."""
    known = [text or "" for text in texts]
    length = min(map(len, known))
    return len({text[:length] for text in known}) == 1


def _fits(found: str, texts: list[str]) -> bool:
    """Whether a text differs from Flask's only where those differ among themselves."""
    wanted = [_TOKEN.findall(text) for text in texts]
    tokens = _TOKEN.findall(found)
    if len({len(tokens), *map(len, wanted)}) == 1:
        columns = zip(tokens, *wanted, strict=True)
        return all(len(set(others)) > 1 or others[0] == token for token, *others in columns)
    # Of different lengths: what they begin and end with has to be there.
    start = _common(wanted)
    end = _common([tokens[::-1][: len(tokens) - start] for tokens in wanted])
    first = wanted[0]
    return len(tokens) >= start + end and tokens[:start] == first[:start] and tokens[::-1][:end] == first[::-1][:end]


def _common(sequences: list[list[str]]) -> int:
    """How many items all of them begin with."""
    length = 0
    for items in zip(*sequences, strict=False):
        if len(set(items)) > 1:
            break
        length += 1
    return length


def _difference(part: str, expected: str | None, found: str | None) -> Difference:
    if expected is None or found is None:
        return Difference(part, *(_part_of(text, 0) if text is not None else "(none)" for text in (expected, found)))
    at = next((at for at, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), None)
    if at is None:
        at = min(len(expected), len(found))
    return Difference(part, _part_of(expected, at), _part_of(found, at))


def _part_of(text: str, at: int) -> str:
    """A text around a place, where it is long."""
    shown = text[max(0, at - 60) : at + 140]
    return repr(shown) if len(shown) == len(text) else f"…{shown!r}… ({len(text)} in all)"
