"""What came of a request, and how two outcomes differ."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

#: What an application may let through to its server.
FAILURES = (Exception, GeneratorExit, SystemExit)

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Seen:
    """What a client has received, and what the application and its server have noted meanwhile."""

    #: The code, and the reason phrase where the protocol carries one.
    status: str = ""
    headers: Pairs = ()
    body: bytes = b""
    #: The exception that reached the server, by class and text.
    failure: str = ""
    events: tuple[str, ...] = field(default=())

    @property
    def header_lines(self) -> list[str]:
        return [f"{name}: {value}" for name, value in self.headers]

    @property
    def cookies(self) -> list[tuple[str, str]]:
        """Names and values that the client keeps."""
        kept = [value.partition(";")[0].partition("=") for name, value in self.headers if name == "set-cookie"]
        return [(name, value) for name, _, value in kept]


def differences(expected: Seen, found: Seen) -> list[str]:
    """One text for each thing that differs."""
    texts = []
    for name in ("status", "failure", "body"):
        wanted, got = getattr(expected, name), getattr(found, name)
        if wanted != got:
            at = _first_difference(wanted, got)
            texts.append(f"{name}:\n    -{_shown(wanted, at)}\n    +{_shown(got, at)}")
    texts += _sequence("headers", expected.header_lines, found.header_lines)
    texts += _sequence("events", list(expected.events), list(found.events))
    return texts


def _sequence(name: str, expected: list[str], found: list[str]) -> list[str]:
    if expected == found:
        return []
    lines = difflib.unified_diff(expected, found, "Flask", "ours", lineterm="", n=1)
    return [f"{name}:\n" + "\n".join(f"    {line}" for line in lines)]


def _shown(value: str | bytes, at: int) -> str:
    """``value`` around a place, where it is long."""
    part = value[max(0, at - 100) : at + 200]
    return repr(part) if part == value else f"...{part!r}... ({len(value)})"


def _first_difference(one: str | bytes, other: str | bytes) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
