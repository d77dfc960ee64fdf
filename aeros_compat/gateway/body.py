"""The request body: one object that both frameworks read; and ``wsgi.input`` over it.

Bodies up to ``COLLECT_LIMIT`` are collected on the loop before a thread is taken or a view is called, so that a slow
client never holds a worker thread and a sync read works inside ``async def``. Larger ones stream: each read asks the
server for the next piece, and the server stops reading from the client until then.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
import threading
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from _typeshed import WriteableBuffer

    from ..types import Message, Receive

#: Bytes of a request body that are held in memory before the view starts.
COLLECT_LIMIT = 1024 * 1024

#: The two that may read a stream, by the names that their users know.
FLASK = "flask.request (wsgi.input)"
QUART = "quart.request"

T = TypeVar("T")

#: Seconds for which a streamed response may leave the body unread, before it is thrown away to see the client leave.
PATIENCE = 5.0


class Body:
    """What ``receive`` brings, in order, once.

    ``collected`` is the whole body once :meth:`collect` has seen its end, else None: then it is a stream, which only
    one of the two frameworks can read, unless that one has read all of it and has ``kept`` it.
    """

    collected: bytes | None = None
    kept: bytes | None = None
    #: Bytes that have arrived so far.
    size = 0
    #: Who reads the stream.
    reader: str | None = None
    disconnected = False
    _ended = False
    _size_ahead = 0
    _dropped = False

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()

    @cached_property
    def _ahead(self) -> deque[bytes]:
        """What has been received and not yet read."""
        return deque()

    @cached_property
    def _receiving(self) -> asyncio.Lock:
        return asyncio.Lock()

    @cached_property
    def _room_ahead(self) -> asyncio.Event:
        return asyncio.Event()

    async def collect(self, limit: int, announced: int | None, allowed: int | None) -> None:
        """Read up to ``limit`` bytes; leave the rest for :meth:`read`.

        ``announced`` is the Content-Length. One over what is ``allowed`` and over ``limit`` is not waited for: it will
        be refused, unless the view allows more; then it streams.
        """
        if announced is not None and allowed is not None and announced > max(allowed, limit):
            return
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._ended = True
            self.collected = message.get("body", b"")
            self.size = len(self.collected)
            return
        self._take(message)
        while not self._ended and not self.disconnected and self._size_ahead <= limit:
            self._take(await self._receive())
        if self._ended:
            self.collected = b"".join(self._ahead)
            self._ahead.clear()

    def _take(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            self.disconnected = True
            return
        self._ended = not message.get("more_body", False)
        if body := message.get("body"):
            self._ahead.append(body)
            self._size_ahead += len(body)
            self.size += len(body)

    async def read(self) -> bytes:
        """The next piece, or ``b""`` at the end.

        Raises ``ClientDisconnected`` if the client left before the end, RuntimeError if the body has been given up.
        """
        if self._dropped:
            raise RuntimeError(
                f"This request body is gone: nobody has read it for {PATIENCE} seconds while the response streams."
            )
        while not self._ahead:
            if self._ended:
                return b""
            if self.disconnected:
                raise ClientDisconnected()
            async with self._receiving:
                if not self._ahead and not self._ended and not self.disconnected:
                    self._take(await self._receive())
        chunk = self._ahead.popleft()
        self._size_ahead -= len(chunk)
        self._room_ahead.set()
        return chunk

    async def wait_for_disconnect(self) -> None:
        """Return when the client has gone.

        To see that, the rest of the body has to be received. It is kept for a response that still reads it (one that
        echoes an upload), up to ``COLLECT_LIMIT``; then the client waits, and after ``PATIENCE`` the body is given up.
        """
        while not self.disconnected:
            if self._size_ahead > COLLECT_LIMIT:
                await self._make_room()
            async with self._receiving:
                self._take(await self._receive())

    async def _make_room(self) -> None:
        self._room_ahead.clear()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._room_ahead.wait()
        except TimeoutError:
            self._dropped = True
            self._ahead.clear()
            self._size_ahead = 0

    async def is_longer_than(self, size: int) -> bool:
        """Whether the stream has more than ``size`` bytes; waits for the byte after them if need be."""
        while self.size <= size and not self._ended and not self.disconnected and not self._dropped:
            async with self._receiving:
                if self.size <= size and not self._ended and not self.disconnected:
                    self._take(await self._receive())
        if self.size <= size and not self._ended:
            raise ClientDisconnected()
        return self.size > size

    def _claim(self, reader: str) -> None:
        """Say who reads the stream. Raises RuntimeError if somebody else has begun: each would get parts of it."""
        if self.reader not in (None, reader):
            raise RuntimeError(
                f"This request body is larger than {COLLECT_LIMIT} bytes and has been read with {self.reader} as a"
                f" stream, so {reader} cannot read it again. Read it with one of them, or read all of it at first"
                " ('get_data()', 'form'): what is kept is there for both."
            )
        self.reader = reader

    # ``receive`` resumes reading in the caller's context, and the client's next request would start in it:
    # https://github.com/python/cpython/issues/140947. So each read from inside a request is a task in an empty context.

    def read_from_view(self) -> asyncio.Task[bytes]:
        """:meth:`read` for code that runs inside the contexts of a request, on the loop."""
        self._claim(QUART)
        return self.loop.create_task(self.read(), context=contextvars.Context())

    def read_from_thread(self) -> bytes:
        """:meth:`read` for a thread, which it blocks. Raises RuntimeError on the loop's own thread."""
        if not self.disconnected:  # which is what an async view is told, too
            self._check_thread()
        self._claim(FLASK)
        return self._wait_in_thread(self.read())

    def is_longer_from_thread(self, size: int) -> bool:
        """:meth:`is_longer_than` for a thread."""
        return self.size > size or self._wait_in_thread(self.is_longer_than(size))

    def _check_thread(self) -> None:
        if threading.get_ident() == self._loop_thread:
            raise RuntimeError(
                f"This request body is larger than {COLLECT_LIMIT} bytes, so it is not read before the view starts, and"
                " reading it with flask.request inside an async view would block the server for everybody."
                " Use the awaitable request of Quart instead: 'from quart import request', then"
                " 'await request.form', 'await request.get_data()' or 'async for chunk in request.body'."
            )

    def _wait_in_thread(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if threading.get_ident() == self._loop_thread:
            return _result_of(coroutine)
        return contextvars.Context().run(asyncio.run_coroutine_threadsafe, coroutine, self.loop).result()


def _result_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return cast("T", finished.value)
    coroutine.close()
    raise AssertionError("The event loop would have waited for itself.")


class _BlockingReader(io.RawIOBase):
    def __init__(self, body: Body, limit: Callable[[], int | None]) -> None:
        self._body = body
        self._limit = limit
        self._position = 0
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._rest:
            self._rest = memoryview(self._next())
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(self._rest))
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self._position += size
        return size

    def _next(self) -> bytes:
        limit = self._limit()
        if limit is not None and self._body.size > limit:
            raise RequestEntityTooLarge()
        kept = self._body.kept
        if kept is not None and self._body.reader != FLASK:
            return kept[self._position :]
        piece = self._body.read_from_thread()
        # Werkzeug stops at the limit without looking whether more would come: a body without Content-Length would be
        # cut there, and nobody told.
        if limit is not None and self._position + len(piece) >= limit and self._body.is_longer_from_thread(limit):
            raise RequestEntityTooLarge()
        return piece


def wsgi_input(body: Body, limit: Callable[[], int | None]) -> io.BufferedIOBase:
    """``wsgi.input`` (PEP 3333) over ``body``. A body that was not collected blocks the thread that reads it.

    ``limit`` gives the MAX_CONTENT_LENGTH of the request, as it stands when the body is read.
    """
    if body.collected is not None:
        return io.BytesIO(body.collected)
    return io.BufferedReader(_BlockingReader(body, limit), buffer_size=64 * 1024)
