"""The differences that are meant, or lie in the protocols: the rows of ``migration_guide/differences.md``, as code.

Each has the name of its row, which a test compares. Everything else that differs is a bug.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from aeros_compat.lanes.hop import StopIterationEscaped

from ..policy.decoding import decoded
from .seen import Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from .flavours import Flavour
    from .request import Request

Pair = tuple[Seen, Seen]

#: Bodies up to this size are there before a view starts.
COLLECTED = 1024 * 1024

COLLECTED_BODIES = "Bodies without Content-Length"


def is_collected(request: Request) -> bool:
    """Whether the whole body is there before the view starts.

    The row ``COLLECTED_BODIES``: the length is then known, so the reference is asked as if it stood behind a proxy that
    collects bodies too.
    """
    return sum(map(len, request.body)) <= COLLECTED


class Tolerated(NamedTuple):
    """One row: where it applies, and what Flask's outcome and ours look like without it."""

    row: str
    applies: Callable[[Flavour, Request], bool]
    without: Callable[[Seen, Seen], Pair]


def _codes(expected: Seen, found: Seen) -> Pair:
    return replace(expected, status=expected.status[:3]), replace(found, status=found.status[:3])


def _dates(expected: Seen, found: Seen) -> Pair:
    headers = [tuple(pair for pair in seen.headers if pair[0] != "date") for seen in (expected, found)]
    return replace(expected, headers=headers[0]), replace(found, headers=headers[1])


def without_compression(expected: Seen, found: Seen) -> Pair:
    """Ours as it was before compression: decoded, and without what is said about it."""
    encoding = dict(found.headers).get("content-encoding")
    if encoding is None or "content-encoding" in dict(expected.headers):
        return expected, _negotiated_by_nobody(found)
    body = decoded(found.body, encoding)
    headers = [
        (name, str(len(body)) if name == "content-length" else value)
        for name, value in found.headers
        if name != "content-encoding"
    ]
    return expected, _negotiated_by_nobody(replace(found, body=body, headers=tuple(headers)))


def _negotiated_by_nobody(found: Seen) -> Seen:
    headers = []
    for name, value in found.headers:
        kept = value.removesuffix("Accept-Encoding").rstrip(", ") if name == "vary" else value
        if kept or name != "vary":
            headers.append((name, kept))
    return replace(found, headers=tuple(headers))


def _unknown_codes(expected: Seen, found: Seen) -> Pair:
    if not "200" <= expected.status < "600" and "an answer has one from 200 to 599" in found.failure:
        return _nothing(expected, found)
    return expected, found


def _refusals(expected: Seen, found: Seen) -> Pair:
    if expected.failure.startswith("BrokenRule") and found.failure:
        return replace(expected, failure="refused"), replace(found, failure="refused")
    return expected, found


def _closings(expected: Seen, found: Seen) -> Pair:
    return _closed_last(expected), _closed_last(found)


def _closed_last(seen: Seen) -> Seen:
    return replace(seen, events=tuple(sorted(seen.events, key=lambda event: event.startswith("closed: "))))


#: A RuntimeError of Python's (PEP 479), or the one that stands for it in a future.
_ESCAPED = ("RuntimeError", StopIterationEscaped.__name__)


def _stop_iterations(expected: Seen, found: Seen) -> Pair:
    if expected.failure.startswith("StopIteration") and found.failure.startswith(_ESCAPED):
        return replace(expected, failure=found.failure), found
    return expected, found


def _nothing(expected: Seen, found: Seen) -> Pair:
    return Seen(), Seen()


TOLERATED = (
    Tolerated("Compression", lambda flavour, request: True, without_compression),
    Tolerated("Reason phrases", lambda flavour, request: flavour.asgi, _codes),
    Tolerated("Date headers", lambda flavour, request: flavour.asgi, _dates),
    Tolerated("Status codes outside 200 to 599", lambda flavour, request: flavour.asgi, _unknown_codes),
    Tolerated("Answers that no server can send", lambda flavour, request: True, _refusals),
    Tolerated("call_on_close through the WSGI entry", lambda flavour, request: not flavour.asgi, _closings),
    Tolerated(
        "Large bodies in async views",
        lambda flavour, request: flavour.views and request.path == b"/echo/large" and not is_collected(request),
        _nothing,
    ),
    Tolerated("StopIteration", lambda flavour, request: True, _stop_iterations),
    Tolerated(
        "StopIteration",
        lambda flavour, request: flavour.views and request.path.endswith(b"/errors/raise/stop-iteration"),
        _nothing,
    ),
)


def without_tolerated(flavour: Flavour, request: Request, expected: Seen, found: Seen) -> Pair:
    """Both outcomes, reduced to what has to be equal."""
    for difference in TOLERATED:
        if difference.applies(flavour, request):
            expected, found = difference.without(expected, found)
    return expected, found
