"""Comparing the flavours with plain Flask, over single requests and over visits of several."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING

import pytest

from .flavours import FLASK, FLASK_WITHOUT_SIGNALS, MAIN, OTHERS, Side
from .seen import Seen, differences
from .tolerated import without_tolerated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .flavours import Flavour
    from .request import Request


class Comparison:
    """Plain Flask on one side, the flavours of the WebServer on the other.

    Every visit goes to the ``main`` flavours and to one of the ``others``, or to two of the main ones if it is to
    another variant than the default; to all if the comparison is ``thorough``.
    """

    def __init__(
        self, main: Sequence[Flavour] = MAIN, others: Sequence[Flavour] = OTHERS, *, thorough: bool = False
    ) -> None:
        self._loop = asyncio.Runner()
        self._references = {flavour.signals: self._side(flavour) for flavour in (FLASK, FLASK_WITHOUT_SIGNALS)}
        self._main = [self._side(flavour) for flavour in main]
        self._others = [self._side(flavour) for flavour in others]
        self._thorough = thorough
        self.requests = 0

    def _side(self, flavour: Flavour) -> Side:
        return Side(flavour, self._loop)

    def check(self, requests: Sequence[Request], *variants: str) -> None:
        """Fail the test if anything differs from Flask in one of the variants, and say what."""
        __tracebackhide__ = True
        if found := [text for variant in variants for text in self.differences(requests, variant)]:
            pytest.fail("\n\n".join(found), pytrace=False)

    def differences(self, requests: Sequence[Request], variant: str = "default") -> list[str]:
        """What differs from Flask in a visit, with the flavours in which it does; empty if nothing does."""
        chosen = self._chosen(requests, variant)
        expected = {
            signals: _visit(self._references[signals], requests, variant)
            for signals in {side.flavour.signals for side in chosen}
        }
        found: dict[str, list[str]] = {}
        for side in chosen:
            outcomes = _visit(side, requests, variant)
            self.requests += len(requests)
            for request, *pair in zip(requests, expected[side.flavour.signals], outcomes, strict=True):
                if texts := "\n".join(differences(*without_tolerated(side.flavour, request, *pair))):
                    found.setdefault(f"{request!r}\n{texts}", []).append(side.flavour.name)
        return [f"{text}\n  in {'; '.join(names)} [{variant}]" for text, names in found.items()]

    def _chosen(self, requests: Sequence[Request], variant: str) -> Sequence[Side]:
        """All sides, or those whose turn it is, which are always the same for the same visit."""
        if self._thorough or not self._others:
            return [*self._main, *self._others]
        turn = zlib.crc32(requests[0].target + requests[0].method.encode())
        if variant == "default":
            return [*self._main, self._others[turn % len(self._others)]]
        return [self._main[turn % len(self._main)], self._main[(turn + 1) % len(self._main)]]

    def close(self) -> None:
        for side in (*self._references.values(), *self._main, *self._others):
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
