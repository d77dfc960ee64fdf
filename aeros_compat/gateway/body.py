"""The request body: one object that both frameworks read; ``wsgi_input.py`` has the file over it.

Bodies up to ``COLLECT_LIMIT`` are collected on the loop before a thread is taken or a view is called, so that a slow
client never holds a worker thread and a sync read works inside ``async def``. Larger ones stream: each read asks the
server for more, and the server stops reading from the client until then. For a thread the loop reads ahead, up to
``READ_AHEAD`` bytes: a crossing for each piece would cost more than the piece.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from werkzeug.exceptions import ClientDisconnected

from .whole import take_body

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..types import Message, Receive

#: Bytes of a request body that are held in memory before the view starts.
COLLECT_LIMIT = 1024 * 1024

#: Bytes that the loop reads ahead of the thread that reads a stream.
READ_AHEAD = COLLECT_LIMIT

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
    #: Bytes up to which the loop reads ahead of a thread.
    read_ahead = READ_AHEAD
    #: Who reads the stream.
    reader: str | None = None
    disconnected = False
    _ended = False
    _size_ahead = 0
    _dropped = False
    _room_is_wanted = False
    _is_asked = False
    _filling: asyncio.Task[None] | None = None
    _failure: Exception | None = None
    # Streams alone have these: to ask for the loop is a system call (CPython 3.11 asks for the process each time).
    _loop: asyncio.AbstractEventLoop
    _loop_thread: int
    #: What has been received and not yet read, for who holds the lock.
    _ahead: deque[bytes]
    _lock: threading.Lock
    #: Where the thread sleeps: a bare lock, in a fifth of the time that an Event takes.
    _gate: threading.Lock
    _sleeps = False

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    @cached_property
    def _receiving(self) -> asyncio.Lock:
        return asyncio.Lock()

    @cached_property
    def _room_ahead(self) -> asyncio.Event:
        return asyncio.Event()

    def collect(self, limit: int, announced: int | None, allowed: int | None) -> Coroutine[Any, Any, None] | None:
        """Read up to ``limit`` bytes: at once, if they are there; else what reads them is returned, to be awaited.

        The rest is left for :meth:`read`.

        ``announced`` is the Content-Length. One over what is ``allowed`` and over ``limit`` is not waited for: it will
        be refused, unless the view allows more; then it streams.
        """
        if announced is not None and allowed is not None and announced > max(allowed, limit):
            self._begin_stream()
            return None
        self.collected = take_body(self._receive)
        if self.collected is None:
            return self._collect(limit)
        self._ended = True
        self.size = len(self.collected)
        return None

    async def _collect(self, limit: int) -> None:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._ended = True
            self.collected = message.get("body", b"")
            self.size = len(self.collected)
            return
        self._begin_stream()
        self._take(message)
        while not self._has_ended and self._size_ahead <= limit:
            self._take(await self._receive())
        if self._ended:
            self.collected = b"".join(self._ahead)
            self._ahead.clear()

    def _begin_stream(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._ahead = deque()
        self._lock = threading.Lock()
        self._gate = threading.Lock()
        self._gate.acquire()

    @property
    def _has_ended(self) -> bool:
        return self._ended or self.disconnected

    def _take(self, message: Message) -> None:
        """Put in what has been received."""
        if self.collected is not None:  # what comes after the end is that the client has gone
            self.disconnected = message["type"] == "http.disconnect"
            return
        with self._lock:
            if message["type"] == "http.disconnect":
                self.disconnected = True
            else:
                self._ended = not message.get("more_body", False)
                if body := message.get("body"):
                    self._ahead.append(body)
                    self._size_ahead += len(body)
                    self.size += len(body)
            self._wake()

    def _next_ahead(self) -> bytes | None:
        """The next piece, ``b""`` at the end, None if it has yet to arrive. On the loop or a thread.

        Raises ``ClientDisconnected`` if the client left before the end, RuntimeError if the body has been given up.
        """
        with self._lock:
            if self._dropped:
                raise RuntimeError(
                    f"This request body is gone: nobody has read it for {PATIENCE} seconds while the response streams."
                )
            if self._ahead:
                piece = self._ahead.popleft()
                self._size_ahead -= len(piece)
                return piece
            if self._ended:
                return b""
            if self.disconnected:
                raise ClientDisconnected()
            return None

    async def read(self) -> bytes:
        """The next piece, or ``b""`` at the end. Raises what :meth:`_next_ahead` raises."""
        while (piece := self._next_ahead()) is None:
            async with self._receiving:
                if not self._ahead and not self._has_ended:
                    self._take(await self._receive())
        self._room_ahead.set()
        return piece

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
        self._room_is_wanted = True
        try:
            async with asyncio.timeout(PATIENCE):
                await self._room_ahead.wait()
        except TimeoutError:
            with self._lock:
                self._dropped = True
                self._ahead.clear()
                self._size_ahead = 0
        finally:
            self._room_is_wanted = False

    async def is_longer_than(self, size: int) -> bool:
        """Whether the stream has more than ``size`` bytes; waits for the byte after them if need be."""
        while self.size <= size and not self._has_ended and not self._dropped:
            async with self._receiving:
                if self.size <= size and not self._has_ended:
                    self._take(await self._receive())
        if self.size <= size and not self._ended:
            raise ClientDisconnected()
        return self.size > size

    def close(self) -> None:
        """The request, whose body is a stream, is over. Who still reads finds that the client has left."""
        if self._filling is not None:
            self._filling.cancel()
        self._take({"type": "http.disconnect"})

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
        return self._loop.create_task(self.read(), context=contextvars.Context())

    def read_from_thread(self) -> bytes:
        """:meth:`read` for a thread, which it blocks. Raises RuntimeError on the loop's own thread."""
        if not self.disconnected:  # which is what an async view is told, too
            self._check_thread()
        self._claim(FLASK)
        while (piece := self._next_ahead()) is None:
            self._wait_for_more()
        if self._size_ahead < self.read_ahead // 2 and not self._has_ended:
            self._ask_for_more()
        if self._room_is_wanted:
            self._loop.call_soon_threadsafe(self._room_ahead.set)
        return piece

    def _wait_for_more(self) -> None:
        with self._lock:
            self._sleeps = not (self._ahead or self._has_ended or self._failure)
            sleeps = self._sleeps
        if sleeps:
            self._ask_for_more()
            self._gate.acquire()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _wake(self) -> None:
        """For who holds the lock."""
        if self._sleeps:
            self._sleeps = False
            self._gate.release()

    def _ask_for_more(self) -> None:
        if not self._is_asked:
            self._is_asked = True
            self._loop.call_soon_threadsafe(self._begin_filling)

    def _begin_filling(self) -> None:
        self._filling = self._loop.create_task(self._fill(), context=contextvars.Context())

    async def _fill(self) -> None:
        """Read ahead of the thread that has asked for it."""
        try:
            while self._size_ahead < self.read_ahead and not self._has_ended and not self._dropped:
                async with self._receiving:
                    if not self._has_ended:
                        self._take(await self._receive())
        except Exception as error:
            self._failure = error  # for the thread
        finally:
            with self._lock:
                self._is_asked = False  # first, so that a thread that finds nothing asks again
                self._wake()

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
        return contextvars.Context().run(asyncio.run_coroutine_threadsafe, coroutine, self._loop).result()


def _result_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return cast("T", finished.value)
    coroutine.close()
    raise AssertionError("The event loop would have waited for itself.")
