"""uvicorn's side of one request, which takes and gives also what is whole (see ``gateway/whole.py``)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from ..gateway.whole import WholeAnswer, WholeRequest

if TYPE_CHECKING:
    from ..types import Headers

#: Bytes of a body that are copied to go out with the head in one piece. Larger ones follow it.
_SMALL = 16 * 1024

#: Headers that say how the connection goes on.
_OF_CONNECTION = frozenset({b"connection", b"transfer-encoding"})


class Cycle(WholeRequest, WholeAnswer, RequestResponseCycle):
    """What ``receive`` and ``send`` do with a request and an answer of one piece, without coroutines and messages."""

    def take_body(self) -> bytes | None:
        if self.more_body or self.waiting_for_100_continue or self.disconnected or self.response_complete:
            return None
        self.flow.resume_reading()
        self.message_event.clear()
        body = bytes(self.body)
        self.body = bytearray()
        return body

    @property
    def is_ready(self) -> bool:
        return not (self.flow.write_paused or self.disconnected or self.response_started or self.access_log)

    def send_answer(self, status: int, headers: Headers, body: bytes) -> bool:
        if not self.is_ready or self.scope["method"] == "HEAD" or status in (204, 304):
            return False
        head = [STATUS_LINE[status], _rendered_defaults(tuple(self.default_headers))]
        length = None
        for name, value in headers:
            if not _is_plain(name) or HEADER_VALUE_RE.search(value):
                return False
            if name == b"content-length":
                if length is not None:
                    return False
                length = value
            head += (name, b": ", value, b"\r\n")
        if length != b"%d" % len(body):
            return False
        self._write(head, body)
        return True

    def _write(self, head: list[bytes], body: bytes) -> None:
        self.response_started = True
        self.chunked_encoding = False
        if not self.keep_alive:
            head.append(b"connection: close\r\n")
        if len(body) <= _SMALL:
            head += (b"\r\n", body)
            self.transport.write(b"".join(head))
        else:
            head.append(b"\r\n")
            self.transport.write(b"".join(head))
            self.transport.write(body)
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


@lru_cache(1024)  # applications write the names of headers; most write the same few
def _is_plain(name: bytes) -> bool:
    """Whether a header is sent as it is, and says nothing of the connection."""
    return name == name.lower() and name not in _OF_CONNECTION and not HEADER_RE.search(name)


@lru_cache(8)  # a new one each second: they have the date
def _rendered_defaults(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The headers that the server sends with every answer."""
    return b"".join([b"%b: %b\r\n" % (name.lower(), value) for name, value in headers])
