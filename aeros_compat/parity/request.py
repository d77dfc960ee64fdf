"""A request that can be replayed, and files full of them."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..failures import CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: RFC 9110 section 9.2.1, without TRACE, which servers answer themselves.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

#: What belongs to the connection that a request came on, or is set again when it is replayed.
_NOT_REPLAYED = frozenset(
    {"accept-encoding", "connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade", "expect"}
)

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """One HTTP request."""

    method: str
    #: The path and the query as they stand in the request line, percent-encoded.
    target: str
    headers: Pairs = ()
    body: bytes = b""
    #: Requests with the same name share one client's cookies.
    visit: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.target}"

    @property
    def is_safe(self) -> bool:
        return self.method in SAFE_METHODS

    def has(self, name: str) -> bool:
        return any(name == header.lower() for header, _ in self.headers)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"body": base64.b64encode(self.body).decode()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Request:
        """The opposite of :meth:`to_json`; everything but method and target may be missing."""
        return cls(
            value["method"],
            value["target"],
            tuple((name, text) for name, text in value.get("headers", ())),
            base64.b64decode(value.get("body", "")),
            value.get("visit", ""),
        )


def replayed_headers(headers: Iterable[tuple[str, str]]) -> Pairs:
    """The headers that a replayed request keeps. Of the encodings that the client takes, gzip alone can be undone."""
    kept = [(name, value) for name, value in headers if name.lower() not in _NOT_REPLAYED and not name.startswith(":")]
    if any(name.lower() == "accept-encoding" and "gzip" in value for name, value in headers):
        kept.append(("Accept-Encoding", "gzip"))
    return tuple(kept)


def write_corpus(path: Path, requests: Iterable[Request]) -> None:
    """Keep requests in a JSON file."""
    path.write_text(json.dumps({"requests": [request.to_json() for request in requests]}, indent=1))


def read_corpus(path: Path) -> list[Request]:
    """The requests of a file that :func:`write_corpus` has written.

    :raises CannotRun: if it is none.
    """
    try:
        return [Request.from_json(value) for value in json.loads(path.read_bytes())["requests"]]
    except (ValueError, KeyError, TypeError) as error:
        raise CannotRun(
            f"{path} is no corpus: it has to be a file of --write-corpus or of pytest --aeros-record ({error!r})."
        ) from error
