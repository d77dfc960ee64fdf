"""The request body: one object that both frameworks read.

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
from typing import TYPE_CHECKING

from quart.wrappers.request import Body as QuartBody
from werkzeug.exceptions import ClientDisconnected

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from _typeshed import WriteableBuffer

    from ..types import Message, Receive

#: Bytes of a request body that are held in memory before the view starts.
COLLECT_LIMIT = 1024 * 1024

#: Seconds for which a streamed response may leave the body unread, before it is thrown away to see the client leave.
PATIENCE = 5.0


class Body:
    """What ``receive`` brings, in order, once.

    ``collected`` is the whole body once :meth:`collect` has seen its end, else None.
    """

    def __init__(self, receive: Receive) -> None:
        self.collected: bytes | None = None
        self.disconnected = False
        self._receive = receive
        self._ended = False
        self._ahead: deque[bytes] = deque()  # received and not yet read
        self._size_ahead = 0
        self._dropped = False
        self._receiving = asyncio.Lock()
        self._room_ahead = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()

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

    # ``receive`` resumes reading in the caller's context, and the client's next request would start in it:
    # https://github.com/python/cpython/issues/140947. So each read from inside a request is a task in an empty context.

    def read_from_view(self) -> asyncio.Task[bytes]:
        """:meth:`read` for code that runs inside the contexts of a request, on the loop."""
        return self._loop.create_task(self.read(), context=contextvars.Context())

    def read_from_thread(self) -> bytes:
        """:meth:`read` for a thread, which it blocks. Raises RuntimeError on the loop's own thread."""
        if threading.get_ident() == self._loop_thread:
            raise RuntimeError(
                f"This request body is larger than {COLLECT_LIMIT} bytes, so it is not read before the view starts, and"
                " reading it with flask.request inside an async view would block the server for everybody."
                " Use the awaitable request of Quart instead: 'from quart import request', then"
                " 'await request.form', 'await request.get_data()' or 'async for chunk in request.body'."
            )
        return contextvars.Context().run(asyncio.run_coroutine_threadsafe, self.read(), self._loop).result()


class _BlockingReader(io.RawIOBase):
    def __init__(self, body: Body) -> None:
        self._body = body
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._rest:
            self._rest = memoryview(self._body.read_from_thread())
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(self._rest))
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def wsgi_input(body: Body) -> io.BufferedIOBase:
    """``wsgi.input`` (PEP 3333) over ``body``. A body that was not collected blocks the thread that reads it."""
    if body.collected is not None:
        return io.BytesIO(body.collected)
    return io.BufferedReader(_BlockingReader(body), buffer_size=64 * 1024)
