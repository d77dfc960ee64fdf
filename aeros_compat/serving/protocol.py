"""HTTP/1.1 as uvicorn reads it with httptools, faster, with ``sendfile``, less three things that clients can do to it.

``app.run()`` serves with it, and others can: ``uvicorn --http aeros_compat.serving.protocol:HTTPProtocol app:app``.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .cycle import Cycle
from .sendfile import PATHSEND, SendingCycle, can_send

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

#: Bytes of a head or of trailers, and what one read brings. h11, uvicorn's other parser, has the same limit.
LONGEST_HEAD = 65536

#: Bytes that are read at once: as many as uvloop and asyncio read for other protocols.
READ_SIZE = 256 * 1024


class _ReadBuffer(threading.local):
    """Where a thread's connections are read to. They share it: what is read is parsed before anything else is."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(READ_SIZE))


_buffer = _ReadBuffer()


class _EndedHeaders(list[tuple[bytes, bytes]]):
    """Headers to which nothing is added any more."""

    def append(self, header: tuple[bytes, bytes], /) -> None:
        pass


class HTTPProtocol(HttpToolsProtocol, asyncio.BufferedProtocol):
    """uvicorn's protocol, with a limit for the head of a request, and headers and requests that end.

    Uvicorn 0.54 appends the trailers of a chunked body to the headers in the scope, often before the application is
    called. They must not be merged (RFC 9110 section 6.5.1): a proxy that takes ``X-Forwarded-For`` or
    ``X-Remote-User`` off the headers of its clients lets trailers pass.

    It also collects headers without end: one connection could fill the memory, and never reach the application.

    And when a client leaves, it tells the request that came last. One before it, which is still being answered while
    the next has been read already (RFC 9112 section 9.3.2), would wait, or stream, for ever.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Bytes that have come since there was a new message, the end of a head, or a piece of a body.
        self._held = 0
        #: What the application may use on this connection.
        self._extensions: dict[str, Any] = {}
        #: Requests that were still being answered, or waited for it, when the next one had been read.
        self._earlier: list[RequestResponseCycle] = []

    def get_buffer(self, sizehint: int) -> memoryview:
        # Else the loop would make bytes of what it reads, of which the parser makes other bytes.
        return _buffer.view

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(cast("bytes", _buffer.view[:nbytes]))  # the parser takes any buffer

    def data_received(self, data: bytes) -> None:
        self._held += len(data)
        super().data_received(data)
        if self._held > LONGEST_HEAD and not self.transport.is_closing():
            self._refuse()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._extensions = {PATHSEND: {}} if can_send(transport) else {}

    def on_message_begin(self) -> None:
        self._held = 0
        super().on_message_begin()
        if self._extensions:
            self.scope["extensions"] = self._extensions.copy()

    def on_headers_complete(self) -> None:
        self._held = 0
        if self._is_answering():
            self._earlier = [*(cycle for cycle in self._earlier if not cycle.response_complete), self.cycle]
        super().on_headers_complete()
        self.headers = _EndedHeaders(self.headers)
        if self.cycle is not None:
            # Uvicorn has no place where another class could be named; its application has not been called yet.
            self.cycle.__class__ = SendingCycle if self._extensions else Cycle

    def on_body(self, body: bytes) -> None:
        self._held = 0
        cycle: Any = self.cycle
        # Uvicorn adds the piece to a bytearray and makes bytes of that. Added to empty bytes, and then asked to be
        # bytes, it stays the object that it is: two copies less. A second one before the first is taken is added as
        # there, since bytes would be copied for each.
        if not cycle.body:
            cycle.body = b""
        elif type(cycle.body) is bytes:
            cycle.body = bytearray(cycle.body)
        super().on_body(body)

    def handle_websocket_upgrade(self) -> None:
        if self._is_answering():
            # The connection would belong to the websocket while the answer is still written to it.
            self.transport.close()
        else:
            super().handle_websocket_upgrade()

    def eof_received(self) -> None:
        # The transport is closed now, and says so later: uvloop raises for what is written in between.
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._leave()

    def _leave(self) -> None:
        for cycle in [*self._earlier, self.cycle]:
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self) -> None:
        if self._is_answering():
            self.transport.close()  # no other answer may be written into this one
        else:
            self.send_400_response("The head of the request is too large.")
