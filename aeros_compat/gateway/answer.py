"""The answer of a request, from what a view returned to ASGI messages."""

from __future__ import annotations

import asyncio
import contextvars
import re
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync

from ..upstream import closes_nothing, is_complete, response_closes_nothing
from .files import FileWrapper

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator

    from werkzeug.wrappers import Response

    from ..types import Headers, Message

#: Key of the start message with the whole status line, which ASGI shortens to a number; read by the WSGI entry.
STATUS_LINE = "aeros_compat.status"

#: Key of the start message with the headers as the view wrote them; read by the WSGI entry for the case of the names.
WSGI_HEADERS = "aeros_compat.headers"

ends_line = re.compile(rb"[\r\n\0]").search


class Answer:
    """Status, headers and body. The body is complete (``body``) or comes in pieces (``chunks`` or ``async_chunks``)."""

    body: bytes = b""
    #: Pieces after ``body``, to be advanced on the request's thread.
    chunks: Iterator[bytes] | None = None
    #: Pieces to be advanced on the loop.
    async_chunks: AsyncIterator[Any] | None = None
    #: The path of the file that the body is, where the server sends files by path; ``chunks`` would read it.
    path: str | None = None
    #: The Content-Length, if there is one.
    length: int | None = None
    #: The headers as ASGI has them, where that is known already.
    encoded: Headers | None = None
    _close: Callable[[], object] | None = None

    def __init__(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.status = status
        self.headers = headers

    @property
    def needs_close(self) -> bool:
        """Whether :meth:`close` has anything to do, for which the request's thread has to be kept."""
        return self._close is not None

    def start_message(self) -> Message:
        return {
            "type": "http.response.start",
            "status": int(self.status[:3]),
            "headers": encode_headers(self.headers) if self.encoded is None else self.encoded,
        }

    def close(self) -> None:
        """What PEP 3333 calls ``close()``: once, after the last message, on the request's thread."""
        close, self._close = self._close, None
        if close is not None:
            close()

    def next_chunk(self) -> bytes:
        """The next piece after ``body``, or ``b""`` at the end. Runs on the request's thread."""
        return next_chunk(self.chunks) if self.chunks is not None else b""

    def take(self, iterable: Iterable[bytes]) -> None:
        """Take the body from a WSGI iterable: all of it if it is there, else up to its first piece.

        Runs on the request's thread. A failure before the first piece propagates, so that it still becomes a 500.
        """
        self._read_length()
        if type(iterable) is list and len(iterable) == 1 and type(iterable[0]) is bytes:
            body = iterable[0]
            if len(body) == self.length:  # what most WSGI applications return
                self.body = body
                return
        if isinstance(iterable, AsyncBytes):
            self._close = iterable.close_of_response()
            self.async_chunks = aiter(iterable)
            return
        if not closes_nothing(iterable):
            self._close = getattr(iterable, "close", None)
        try:
            self._take_chunks(iterable, iter(iterable))
        except BaseException:
            self.close()
            raise

    def _take_chunks(self, iterable: Iterable[bytes], chunks: Iterator[bytes]) -> None:
        if isinstance(iterable, FileWrapper):
            if self.length is not None and iterable.fits_in_a_block(self.length):
                # Read and closed at once, a small file costs no second hop.
                body = iterable.file.read(self.length + 1)
                if len(body) == self.length:
                    self.body = body
                    self.close()
                    return
                chunks = chain([body], chunks)
            else:
                self.path = iterable.path_to_send(self.length)
                if self.path is not None:
                    self.chunks = chunks
                    return
        self.body = next_chunk(chunks)
        if self.body and self.length == len(self.body):
            more = next_chunk(chunks)
            if not more:
                return
            chunks = chain([more], chunks)
        if is_complete(iterable):
            # It goes out with its own length, whatever the view has said.
            self.body = b"".join([self.body, *iter(partial(next_chunk, chunks), b"")])
            if self.body and self.length is not None:
                self._set_length(len(self.body))
        elif self.body or self.length:
            self.chunks = chunks

    def _read_length(self) -> None:
        """Find the Content-Length. What is none is taken off: servers fail over it when the answer has begun."""
        values = [value.strip() for name, value in self.headers if name.lower() == "content-length"]
        if not values:
            return
        if len(values) == 1 and values[0].isascii() and values[0].isdigit() and len(values[0]) < 20:
            self.length = int(values[0])
        else:
            self._set_length(None)

    def _set_length(self, length: int | None) -> None:
        self.length, self.encoded = length, None
        self.headers = [header for header in self.headers if header[0].lower() != "content-length"]
        if length is not None:
            self.headers.append(("Content-Length", str(length)))

    def fit_to(self, method: str) -> None:
        """Leave out a body that the client does not expect, whoever made it (RFC 9110 section 6.4.1).

        Flask leaves it out of its own answers; WSGI middleware that answers by itself may not.
        """
        if self.body and method != "HEAD" and self.status == "200 OK":
            return
        status = int(self.status[:3])
        if method != "HEAD" and status >= 200 and status not in (204, 304):
            if self.length and not self.body and self.chunks is None and self.async_chunks is None:
                self._set_length(0)  # the body of a list that is empty
            return
        self.body, self.chunks, self.async_chunks, self.path = b"", None, None, None
        # With 304 it may be sent (RFC 9110 section 8.6), but uvicorn would wait for the body that it announces.
        if method != "HEAD" and self.length is not None:
            self._set_length(None)


def encode_headers(headers: list[tuple[str, str]]) -> Headers:
    """Header names of ASGI are lower case; values are latin-1 (ASGI HTTP specification)."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def fit_for_asgi(start: Message) -> Message:
    """Make the start message one that ASGI servers can send.

    They send ``Date`` themselves, and it is a single value (RFC 9110 section 6.6.1); Werkzeug sets it on files. uvicorn
    has no words for a status beyond 599, and finds that out when it is too late for another answer. After an interim
    status (1xx, RFC 9110 section 15.2) the client would wait for the answer, and ASGI has no way to send both. And
    uvicorn writes headers as they are: Werkzeug looks for line breaks in values, nobody in names, and nobody in those
    of a WSGI application that uses no Werkzeug.
    """
    if not 200 <= start["status"] <= 599:
        raise ValueError(f"The view answered with the status {start['status']}; an answer has one from 200 to 599.")
    start["headers"] = headers = [header for header in start["headers"] if header[0] != b"date"]
    if ends_line(b"".join(chain.from_iterable(headers))):
        raise ValueError(
            "A header of the response has a line break or a NUL in its name or value (RFC 9110 section 5.5). What"
            " follows could be a header, or a whole answer, that a client has written. Quote it, or leave it out."
        )
    return start


def next_chunk(chunks: Iterator[bytes]) -> bytes:
    """The next piece that is not empty, or ``b""`` at the end."""
    for chunk in chunks:
        if not isinstance(chunk, bytes):
            raise TypeError(f"A WSGI application must give bytes (PEP 3333), not {type(chunk).__name__}.")
        if chunk:
            return chunk
    return b""


class AsyncBytes:
    """An async iterable as the body of a Werkzeug response.

    The server advances it on the loop. Sync code that reads the body (a test, a hook) may iterate it from a thread.
    """

    def __init__(self, source: AsyncIterable[Any], owner: Response) -> None:
        self._source = source
        self._owner: Response | None = owner

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _encoded(self._source)

    def __iter__(self) -> Iterator[bytes]:
        chunks = aiter(self)
        advance = async_to_sync(_next_or_none)
        while (chunk := advance(chunks)) is not None:
            yield chunk

    def close_of_response(self) -> Callable[[], object] | None:
        """What runs the ``call_on_close`` functions, if there are any: Werkzeug does not in passthrough mode."""
        owner, self._owner = self._owner, None  # which knows this body: else the garbage collector would have to come
        return None if owner is None or response_closes_nothing(owner) else owner.close


def stream(response: Response, source: AsyncIterable[Any]) -> None:
    """Make ``source`` the body of ``response``."""
    # In passthrough mode the WSGI iterable is this object itself, so the lanes recognise it.
    response.direct_passthrough = True
    response.response = AsyncBytes(source, response)


async def _next_or_none(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


async def _encoded(source: AsyncIterable[Any]) -> AsyncIterator[bytes]:
    iterator = aiter(source)
    try:
        async for chunk in iterator:
            yield chunk.encode() if isinstance(chunk, str) else chunk
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


def is_async_iterable(value: object) -> bool:
    """Whether a view returned an async generator or another async iterable."""
    return hasattr(type(value), "__aiter__")


def in_empty_context(coroutine: Any) -> asyncio.Task[Any]:
    """A task for a coroutine of the server's own, which must see nothing of a request's contexts."""
    return asyncio.get_running_loop().create_task(coroutine, context=contextvars.Context())
