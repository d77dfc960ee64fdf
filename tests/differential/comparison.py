"""Comparing all flavours with plain Flask, over single requests and over visits of several."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .flavours import FLASK, FLASK_WITHOUT_SIGNALS, FLAVOURS, Flavour, Side
from .seen import Seen, differences
from .tolerated import without_tolerated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .request import Request


class Comparison:
    """Plain Flask on one side, each flavour of the WebServer on the other."""

    def __init__(self, flavours: Sequence[Flavour] = FLAVOURS) -> None:
        self._loop = asyncio.Runner()
        self._references = {flavour.signals: Side(flavour, self._loop) for flavour in (FLASK, FLASK_WITHOUT_SIGNALS)}
        self.sides = [Side(flavour, self._loop) for flavour in flavours]
        self.requests = 0

    def differences(self, requests: Sequence[Request], variant: str = "default") -> list[str]:
        """What differs from Flask in a visit, flavour by flavour; empty if nothing does."""
        expected = {signals: _visit(side, requests, variant) for signals, side in self._references.items()}
        lines = []
        for side in self.sides:
            found = _visit(side, requests, variant)
            self.requests += len(requests)
            for request, wanted, got in zip(requests, expected[side.flavour.signals], found, strict=True):
                flavour = side.flavour
                wanted, got = (without_tolerated(flavour, request, seen) for seen in (wanted, got))
                lines += [f"{flavour.name}, {variant}: {request!r}\n  {line}" for line in differences(wanted, got)]
        return lines

    def close(self) -> None:
        for side in (*self._references.values(), *self.sides):
            side.close()
        self._loop.close()


def _visit(side: Side, requests: Sequence[Request], variant: str) -> list[Seen]:
    """The requests in order, each with the cookies that earlier answers on this side have set."""
    jar: dict[str, str] = {}
    outcomes = []
    for request in requests:
        if jar:
            pairs = "; ".join(f"{name}={value}" for name, value in jar.items())
            request = request.with_headers((b"Cookie", pairs.encode("latin-1")))
        seen = side.ask(request, variant)
        jar.update(seen.cookies)
        outcomes.append(seen)
    return outcomes
