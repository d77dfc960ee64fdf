"""Free ports in the place of those that a page names, because pages run beside each other."""

from __future__ import annotations

import re

from ..servers import free_port

_PORT = re.compile(
    r"""(?ix) (?: 127\.0\.0\.1: | localhost: | 0\.0\.0\.0: | \[::1?\]: | \s:
               | (?<![a-z]) port \b ["']? \s*[=:\s]\s* | _port= | \blisten\s+ ) (?P<port>\d{4,5}) \b"""
)


class Ports:
    def __init__(self) -> None:
        self._free: dict[str, str] = {}

    def free(self, port: str) -> str:
        """The port that stands for ``port`` of the page."""
        if port not in self._free:
            self._free[port] = str(free_port())
        return self._free[port]

    def named(self, text: str) -> list[str]:
        """The ports of the page that ``text`` names."""
        return [match["port"] for match in _PORT.finditer(text)]

    def replaced(self, text: str) -> str:
        """``text`` of the page, with free ports."""

        def other(match: re.Match[str]) -> str:
            return match[0].removesuffix(match["port"]) + self.free(match["port"])

        return _PORT.sub(other, text)

    def restored(self, text: str) -> str:
        """``text`` that a program has printed, with the ports of the page."""
        for port, free in self._free.items():
            text = re.sub(rf"\b{free}\b", port, text)
        return text
