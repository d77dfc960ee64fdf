"""A text that a regular expression matches: the shortest that its parts allow, of letters that it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..upstream import parsed_regex

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a class of characters is tried with, before the characters that it names.
_LETTERS = "a1A-_. ~"
_CLASSES: dict[str, Callable[[str], bool]] = {
    "DIGIT": str.isdigit,
    "WORD": lambda letter: letter.isalnum() or letter == "_",
    "SPACE": str.isspace,
}


def matching_text(pattern: str) -> str | None:
    """A text that ``pattern`` matches as a whole; None if none is found: it looks around, or refers back."""
    try:
        text = _of_parts(parsed_regex(pattern))
    except _CannotTell:
        return None
    return text if re.fullmatch(pattern, text) else None


class _CannotTell(Exception):
    pass


def _of_parts(parts: Any) -> str:
    return "".join(_of_part(str(kind), value) for kind, value in parts)


def _of_part(kind: str, value: Any) -> str:
    """What one part matches. The kinds, and what comes with each, are those of the standard library's parser."""
    if kind == "LITERAL":
        return chr(value)
    if kind == "ANY":
        return _LETTERS[0]
    if kind == "NOT_LITERAL":
        return _of_set([("NEGATE", None), ("LITERAL", value)])
    if kind == "IN":
        return _of_set(value)
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        lowest, highest, parts = value
        count: int = min(max(lowest, 1), highest)
        return _of_parts(parts) * count
    if kind in ("SUBPATTERN", "ATOMIC_GROUP"):
        return _of_parts(value[-1] if kind == "SUBPATTERN" else value)
    if kind == "BRANCH":
        return _of_parts(value[1][0])
    if kind == "AT":
        return ""
    raise _CannotTell(kind)


def _of_set(members: Any) -> str:
    negated = str(members[0][0]) == "NEGATE"
    named = [chr(value if str(kind) == "LITERAL" else value[0]) for kind, value in members if str(kind) in _NAMED]
    for letter in (*_LETTERS, *named):
        if any(_is_in(letter, str(kind), value) for kind, value in members) != negated:
            return str(letter)
    raise _CannotTell(members)


_NAMED = ("LITERAL", "RANGE")


def _is_in(letter: str, kind: str, value: Any) -> bool:
    if kind == "LITERAL":
        return letter == chr(value)
    if kind == "RANGE":
        return bool(value[0] <= ord(letter) <= value[1])
    if kind == "CATEGORY":
        name = str(value).removeprefix("CATEGORY_")
        return bool(_CLASSES[name.removeprefix("NOT_")](letter)) != name.startswith("NOT_")
    return False
