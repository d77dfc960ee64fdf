"""What came of a request: what the client received, and what the application did."""

from __future__ import annotations

import base64
import gzip
import zlib
from dataclasses import asdict, dataclass
from typing import Any

#: What servers add on their own account, or decide for themselves.
_OF_THE_SERVER = frozenset({"connection", "date", "keep-alive", "server", "transfer-encoding"})


#: What ``Outcome.failure`` begins with if the client did not understand the answer, or got none.
BROKEN = "the connection broke"


@dataclass(frozen=True)
class Outcome:
    """The answer to one request, and its traces."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    #: Whether the body came to its end: not in time if it is an endless stream, not at all if it is very long.
    is_complete: bool = True
    #: The exception that reached the server, or what broke the connection.
    failure: str = ""
    #: The hooks and error handlers that were called, in order.
    hooks: tuple[str, ...] = ()
    #: Whether the application was at work on it no more.
    has_ended: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"body": base64.b64encode(self.body).decode()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Outcome:
        headers = tuple((name, text) for name, text in value["headers"])
        decoded = {"body": base64.b64decode(value["body"]), "headers": headers, "hooks": tuple(value["hooks"])}
        return cls(**value | decoded)

    def header(self, name: str) -> str | None:
        return next((value for header, value in self.headers if header.lower() == name), None)

    def parts(self) -> dict[str, str]:
        """What is compared, by what it is called in the report.

        Compression and the rest of what a server, or WebServer by its defaults, does to a response is undone: see
        ``migration_guide/differences.md``. What a server says to an exception is its own.
        """
        parts = {"hooks": "\n".join(self.hooks)}
        if self.failure:
            return parts | {"failure": self.failure}
        body = self._decoded_body()
        parts |= {"status": str(self.status), "body": body.decode("latin-1")}
        for name, value in self.headers:
            name = name.lower()
            if name in _OF_THE_SERVER or (name == "content-encoding" and body is not self.body):
                continue
            part = "cookies" if name == "set-cookie" else f"header {name}"
            value = str(len(body)) if name == "content-length" and body is not self.body else _meant(name, value)
            if value:
                parts[part] = f"{parts[part]}\n{value}" if part in parts else value
        return parts

    def _decoded_body(self) -> bytes:
        if self.header("content-encoding") != "gzip":
            return self.body
        try:
            return gzip.decompress(self.body)
        except (EOFError, OSError, zlib.error):
            return self.body


def _meant(name: str, value: str) -> str:
    """A value without what compression adds, and without the order of a set."""
    if name == "vary":
        return ", ".join(item for item in value.split(", ") if item.lower() != "accept-encoding")
    if name == "etag":
        return value.replace(':gzip"', '"')
    return ", ".join(sorted(value.split(", "))) if name == "allow" else value
