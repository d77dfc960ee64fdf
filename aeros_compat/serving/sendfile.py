"""Files from the disk to the client without the way through this process: ``http.response.pathsend`` on uvicorn.

The extension is described at https://asgi.readthedocs.io/en/latest/extensions.html#path-send. uvicorn does not have it,
and uvloop sends no files. So ``sendfile(2)`` is called here: on a thread, because the disk may be slow, and on a
duplicate of the socket's descriptor, because the loop keeps the other.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
from contextvars import Context
from typing import TYPE_CHECKING, Any

from ..gateway.files import BLOCK
from ..lanes.hop import hop
from ..lanes.threads import ProcessThreads
from .cycle import Cycle

if TYPE_CHECKING:
    from collections.abc import Awaitable

PATHSEND = "http.response.pathsend"

#: Threads of a process that send. They wait for the disk, and for clients that are about to take more.
SENDERS = 8

_threads = ProcessThreads()

#: Milliseconds for which a thread waits for a client that is about to take more: going back to the loop for each
#: piece of a file costs more than the piece. Slow clients wait there, and hold no thread.
_PAUSE = 5

#: Seconds after which it is looked whether a client that takes nothing is still there.
_PATIENCE = 1.0


def can_send(transport: Any) -> bool:
    """Whether files can be sent on a connection: not where their bytes have to be encrypted."""
    return hasattr(os, "sendfile") and hasattr(select, "poll") and transport.get_extra_info("sslcontext") is None


class SendingCycle(Cycle):
    """A cycle that takes ``http.response.pathsend`` in the place of a body."""

    def send(self, message: Any) -> Awaitable[None]:  # type: ignore[override]  # without a coroutine around each
        if message["type"] == PATHSEND:
            return self._send_path(message["path"])
        return super().send(message)

    async def _send_path(self, path: str) -> None:
        if self.disconnected:
            return  # as ``send()`` does: the answer may not have begun
        if not self.response_started or self.response_complete:
            raise RuntimeError(f"{PATHSEND} has the body of a response, after its start and before its end.")
        if self.chunked_encoding:
            await self._read_and_send(path)
        elif self.scope["method"] != "HEAD" and not self.disconnected:
            await self._send_file(path)
            self.expected_content_length = 0
        await super().send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _read_and_send(self, path: str) -> None:
        with await asyncio.to_thread(open, path, "rb") as file:
            while not self.disconnected and (block := await asyncio.to_thread(file.read, BLOCK)):
                await super().send({"type": "http.response.body", "body": block, "more_body": True})

    async def _send_file(self, path: str) -> None:
        loop = asyncio.get_running_loop()
        transfer = Transfer(path, self.transport.get_extra_info("socket").fileno(), self.expected_content_length)
        try:
            if self.transport.get_write_buffer_size():
                await asyncio.sleep(0)  # uvloop before 0.23 writes at the end of a turn
            while self.transport.get_write_buffer_size() and not self.disconnected:
                await transfer.can_go_on(loop)
            while not self.disconnected and not await hop(_threads.get(SENDERS).turn(), Context(), transfer.go_on):
                await transfer.can_go_on(loop)
        except (BrokenPipeError, ConnectionResetError):
            self.transport.close()  # the client has left
        finally:
            transfer.end()


class Transfer:
    """A file on its way into a socket."""

    def __init__(self, path: str, connection: int, size: int) -> None:
        self._path = path
        self._connection = os.dup(connection)
        self._file: int | None = None
        self._position, self._size = 0, size
        self._room = select.poll()
        self._room.register(self._connection, select.POLLOUT)
        self._lock = threading.Lock()
        self._has_ended = False

    def go_on(self) -> bool:
        """Send until all is sent (True), or until the client has to take what it has (False). Runs on a thread."""
        with self._lock:
            if self._has_ended:
                return True
            if self._file is None:
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            while self._position < self._size:
                try:
                    sent = os.sendfile(self._connection, self._file, self._position, self._size - self._position)
                except BlockingIOError:
                    if not self._room.poll(_PAUSE):
                        return False
                    continue
                if not sent:
                    raise RuntimeError(
                        f"{self._path} has become shorter than the Content-Length of {self._size} bytes."
                    )
                self._position += sent
            return True

    async def can_go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait until the client has taken something, or for a while."""
        is_writable = asyncio.Event()
        loop.add_writer(self._connection, is_writable.set)
        try:
            await asyncio.wait_for(is_writable.wait(), _PATIENCE)
        except TimeoutError:
            pass  # whoever waits looks whether the client is still there
        finally:
            loop.remove_writer(self._connection)

    def end(self) -> None:
        """Close the descriptors, once no thread uses them: their numbers would soon be somebody else's connection."""
        if self._lock.acquire(blocking=False):
            self._close()
            self._lock.release()
        else:
            threading.Thread(target=self._close_later, name="aeros-sendfile-end").start()

    def _close_later(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            os.close(self._connection)
            if self._file is not None:
                os.close(self._file)
