"""HTTP/1.1 as uvicorn reads it with httptools, less two things that it lets in.

``app.run()`` serves with it, and others can: ``uvicorn --http aeros_compat.serving.protocol:HTTPProtocol app:app``.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Bytes of a head or of trailers, and what one read brings. h11, uvicorn's other parser, has the same limit.
LONGEST_HEAD = 65536


class _EndedHeaders(list[tuple[bytes, bytes]]):
    """Headers to which nothing is added any more."""

    def append(self, header: tuple[bytes, bytes], /) -> None:
        pass


class HTTPProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a limit for the head of a request, and headers that end with it.

    Uvicorn 0.54 appends the trailers of a chunked body to the headers in the scope, often before the application is
    called. They must not be merged (RFC 9110 section 6.5.1): a proxy that takes ``X-Forwarded-For`` or
    ``X-Remote-User`` off the headers of its clients lets trailers pass.

    It also collects headers without end: one connection could fill the memory, and never reach the application.
    """

    #: Bytes that have come since there was a new message, the end of a head, or a piece of a body.
    _held = 0

    def data_received(self, data: bytes) -> None:
        self._held += len(data)
        super().data_received(data)
        if self._held > LONGEST_HEAD and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        self._held = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._held = 0
        super().on_headers_complete()
        self.headers = _EndedHeaders(self.headers)

    def on_body(self, body: bytes) -> None:
        self._held = 0
        super().on_body(body)

    def _refuse(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.send_400_response("The head of the request is too large.")
        else:
            self.transport.close()  # an answer is on its way, into which no other may be written
