"""From an iterator to the client: pieces that are ready together leave together, with back-pressure."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

#: Bytes that an iterator may be ahead of its client: enough to hide the hop from thread to loop.
CAPACITY = 64 * 1024


class Channel:
    """One side puts pieces in; the server's task takes out all that are there, joined.

    The side that fills is the request's thread (:meth:`fill`) or a task in the request's context
    (:meth:`fill_async`). A slow iterator's piece leaves at once (server-sent events). A fast one runs ahead up to
    ``CAPACITY`` bytes, so that many pieces cost one crossing and one message.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._room = threading.Event()  # for a thread
        self._space = asyncio.Event()  # for a task
        self._arrived = asyncio.Event()
        self._pieces: list[bytes] = []
        self._size = 0
        self._loop_waits = False
        self._ended = False
        self._failure: BaseException | None = None
        self._abandoned = False

    def fill(self, next_chunk: Callable[[], bytes]) -> None:
        """Put in what ``next_chunk`` gives until it gives ``b""``. Runs on the request's thread, and blocks there."""
        try:
            while not self._abandoned and (chunk := next_chunk()):
                self._put(chunk)
        except BaseException as error:
            # For the server's task: asyncio would end the whole server for a SystemExit in a task of its own.
            self._failure = error
        finally:
            self._end()

    async def fill_async(self, chunks: AsyncIterator[bytes]) -> None:
        """Put in what ``chunks`` gives. Runs in the request's context, in a task that is cancelled to end it early."""
        try:
            async for chunk in chunks:
                if not self._add(chunk):
                    await self._space.wait()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failure = error
        finally:
            self._end()

    def _put(self, chunk: bytes) -> None:
        if not self._add(chunk) and not self._abandoned:
            self._room.wait()

    def _add(self, chunk: bytes) -> bool:
        """Add a piece; whether there is room for another."""
        with self._lock:
            if chunk:
                self._pieces.append(chunk)
                self._size += len(chunk)
                self._wake_loop()
            if self._size < CAPACITY:
                return True
            self._room.clear()
            self._space.clear()
            return False

    def _end(self) -> None:
        with self._lock:
            self._ended = True
            self._wake_loop()

    def _wake_loop(self) -> None:
        if self._loop_waits:
            self._loop_waits = False
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def take(self) -> bytes:
        """All pieces that are there, or ``b""`` after the last one or once the channel has been abandoned.

        Raises what the iterator has raised, after the pieces that came before.
        """
        while True:
            with self._lock:
                if self._abandoned:
                    return b""
                if self._pieces:
                    pieces, self._pieces, self._size = self._pieces, [], 0
                    self._room.set()
                    self._space.set()
                    return b"".join(pieces)
                if self._ended:
                    if self._failure is not None:
                        raise self._failure
                    return b""
                self._arrived.clear()
                self._loop_waits = True
            await self._arrived.wait()

    def abandon(self) -> None:
        """Nobody takes any more: the thread stops at its next piece. On the loop."""
        with self._lock:
            self._abandoned = True
        self._room.set()
        self._arrived.set()
