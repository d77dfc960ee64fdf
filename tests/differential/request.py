"""One HTTP request, in the bytes that a client would put on the wire."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Header = tuple[bytes, bytes]

#: The address at which every server of the harness believes to listen, and the one of its client.
SERVER = ("127.0.0.1", 8000)
CLIENT = ("127.0.0.9", 50123)


@dataclass(frozen=True)
class Request:
    """A request line, headers and a body in the pieces in which it arrives.

    ``framing`` says how the end of the body is known: by ``Content-Length``, by chunked transfer coding, or by the
    stream of HTTP/2, which needs neither (``"stream"``).
    """

    target: bytes
    method: str = "GET"
    headers: tuple[Header, ...] = ()
    body: tuple[bytes, ...] = ()
    framing: Literal["length", "chunked", "stream"] = "length"
    host: bytes | None = b"localhost:8000"
    scheme: str = "http"
    #: The prefix at which the server has the application (``SCRIPT_NAME``, ``root_path``), in front of the target.
    root: str = ""

    @property
    def path(self) -> bytes:
        return self.target.partition(b"?")[0]

    @property
    def query(self) -> bytes:
        return self.target.partition(b"?")[2]

    @property
    def http_version(self) -> str:
        return "2" if self.framing == "stream" else "1.1"

    @property
    def sent_headers(self) -> tuple[Header, ...]:
        """All headers, with those that the framing and the host add."""
        host = () if self.host is None else ((b"Host", self.host),)
        framing: tuple[Header, ...] = ()
        if self.framing == "chunked":
            framing = ((b"Transfer-Encoding", b"chunked"),)
        elif self.framing == "length" and self.body:
            framing = ((b"Content-Length", str(len(b"".join(self.body))).encode()),)
        return (*host, *self.headers, *framing)

    @property
    def buffered_headers(self) -> tuple[Header, ...]:
        """The headers once somebody has collected the body and knows its length."""
        if self.framing == "length" or not b"".join(self.body):
            return self.sent_headers
        kept = (header for header in self.sent_headers if header[0] != b"Transfer-Encoding")
        return (*kept, (b"Content-Length", str(len(b"".join(self.body))).encode()))

    def with_headers(self, *headers: Header) -> Request:
        return replace(self, headers=(*self.headers, *headers))

    def wire(self) -> bytes:
        """HTTP/1.1 as a client writes it, with the connection closed after the answer."""
        lines = [b"%s %s HTTP/1.1" % (self.method.encode(), self.target)]
        lines += [b"%s: %s" % header for header in self.sent_headers]
        lines += [b"Connection: close", b"", b""]
        body = self.body if self.framing == "length" else (*map(_chunk, filter(None, self.body)), b"0\r\n\r\n")
        return b"\r\n".join(lines) + b"".join(body)

    def __repr__(self) -> str:
        shown = self.wire()
        cut = "..." if len(shown) > 800 else ""
        root = f" below {self.root}" if self.root else ""
        return f"<{shown[:800]!r}{cut} in {len(self.body)} pieces, {self.framing}{root}>"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def get(target: str, *headers: Header, method: str = "GET") -> Request:
    """A request without a body; the target may hold any ASCII characters."""
    return Request(target.encode("ascii"), method, headers)


def post(target: str, content_type: str, *body: bytes, method: str = "POST") -> Request:
    """A request with a body and its Content-Length."""
    return Request(target.encode("ascii"), method, ((b"Content-Type", content_type.encode()),), body)
