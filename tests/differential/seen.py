"""What came of a request, and how two outcomes differ."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    def cookies(self) -> list[tuple[str, str]]:
        """Names and values that the client keeps."""
        kept = [value.partition(";")[0].partition("=") for name, value in self.headers if name == "set-cookie"]
        return [(name, value) for name, _, value in kept]


def differences(expected: Seen, found: Seen) -> list[str]:
    """One line for each thing that differs."""
    lines = []
    for name in ("status", "headers", "body", "failure", "events"):
        wanted, got = getattr(expected, name), getattr(found, name)
        if wanted != got:
            lines.append(f"{name}:\n    Flask     {wanted!r}\n    WebServer {got!r}")
    return lines
