"""uvicorn's side of one request, which takes and gives also what is whole (see ``gateway/whole.py``)."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from ..gateway.whole import WholeAnswer, WholeRequest
from .wakeup import Wakeup

if TYPE_CHECKING:
    from ..types import Headers, Scope
    from .protocol import HTTPProtocol

#: Bytes of a body that are copied to go out with the head in one piece. Larger ones follow it.
_SMALL = 16 * 1024

#: Bytes of the value of a header that is remembered as it is sent. Longer ones, and cookies, seldom come twice.
_SHORT = 100

#: Headers that say how the connection goes on.
_OF_CONNECTION = frozenset({b"connection", b"transfer-encoding"})


class Cycle(WholeRequest, WholeAnswer, RequestResponseCycle):
    """What ``receive`` and ``send`` do with a request and an answer of one piece, without coroutines and messages.

    It is made for each request, so it sets what uvicorn's constructor sets where that differs from one to another.
    """

    logger = logging.getLogger("uvicorn.error")
    access_logger = logging.getLogger("uvicorn.access")
    disconnected = False
    waiting_for_100_continue = False
    #: Bytes that have come and that nobody has taken: bytes as long as they are one piece, see ``on_body``.
    body: bytes | bytearray = b""  # type: ignore[assignment]
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0

    def __init__(self, protocol: HTTPProtocol, scope: Scope, *, keep_alive: bool) -> None:
        self.scope: Any = scope
        self.transport: Any = protocol.transport
        self.flow = protocol.flow
        self.access_log = protocol.access_log
        self.default_headers = protocol.server_state.default_headers
        self.message_event: Any = Wakeup()
        self.keep_alive = keep_alive
        if protocol.expect_100_continue:
            self.waiting_for_100_continue = True
        self.on_response = protocol.on_response_complete

    def take_body(self) -> bytes | None:
        if self.more_body or self.waiting_for_100_continue or self.disconnected or self.response_complete:
            return None
        self.flow.resume_reading()
        self.message_event.clear()
        body = bytes(self.body)
        self.body = b""
        return body

    @property
    def is_ready(self) -> bool:
        return not (self.flow.write_paused or self.disconnected or self.response_started or self.access_log)

    def send_answer(self, status: int, headers: Headers, body: bytes) -> bool:
        if not self.is_ready or self.scope["method"] == "HEAD" or status in (204, 304):
            return False
        head = [STATUS_LINE[status], _defaults.rendered(self.default_headers)]
        length = None
        for name, value in headers:
            is_usual = len(value) <= _SHORT and name != b"set-cookie"
            line = _line(name, value) if is_usual else _line.__wrapped__(name, value)
            if line is None:
                return False
            head.append(line)
            if name == b"content-length":
                if length is not None:
                    return False
                length = value
        if length != b"%d" % len(body):
            return False
        self._write(head, body)
        return True

    def _write(self, head: list[bytes], body: bytes) -> None:
        self.response_started = True
        self.chunked_encoding = False
        if not self.keep_alive:
            head.append(b"connection: close\r\n")
        head.append(b"\r\n")
        if len(body) <= _SMALL:
            head.append(body)
            self.transport.write_answer(b"".join(head))
        else:
            self.transport.write(b"".join(head))
            self.transport.write(body)
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


@lru_cache(1024)  # applications write the headers, and most of them write the same few
def _line(name: bytes, value: bytes) -> bytes | None:
    """A header as it is sent; None if it is not sent as it is, or says something of the connection."""
    if name != name.lower() or name in _OF_CONNECTION or HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        return None
    return b"%b: %b\r\n" % (name, value)


class _Defaults:
    """The headers that the server sends with every answer: a new list each second, since they have the date."""

    def __init__(self) -> None:
        self._last: tuple[object, bytes] = (None, b"")

    def rendered(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        last, rendered = self._last
        if last is not headers:
            rendered = b"".join([b"%b: %b\r\n" % (name.lower(), value) for name, value in headers])
            self._last = (headers, rendered)
        return rendered


_defaults = _Defaults()
