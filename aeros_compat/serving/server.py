"""A running server, and the threads that it may run on."""

from __future__ import annotations

import asyncio
import selectors
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import uvicorn

from .ending import AGAIN, time_for_requests
from .parting import Parting

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import FrameType

    from ..types import ASGIApp, Receive, Scope, Send
    from ..webserver import WebServer


class Endable(Protocol):
    """What ``app.stop()`` ends."""

    def end(self) -> None:
        """Finish the requests and end. From any thread; it does not wait."""


class Server(uvicorn.Server):
    """uvicorn's server, which its application knows and can end from any thread."""

    #: Set if the process is to end with the server.
    terminated = False
    #: What came out of the application, if it was to end the server.
    failure: BaseException | None = None

    def run_for(self, app: WebServer, listener: socket.socket) -> bool:
        """Serve until somebody ends it; whether it has served at all. On any thread: only the main one gets signals.

        SIGTERM ends the program in order and with exit code 0, as under gunicorn. Uvicorn would have the signal kill
        it in the end, without the ``finally`` blocks and ``atexit`` functions of the program.
        """
        app.servers.add(self)
        thread = threading.current_thread()
        if isinstance(thread, AdvancedThread):
            thread.runs(self)
        try:
            # uvicorn has shut down in order before it passes an interrupt on.
            with suppress(KeyboardInterrupt):
                self.run([listener])
        finally:
            app.servers.discard(self)
            # As Flask does after its own server: what has been stopped can be set up further, and started again.
            app.forget_first_request()
        if self.failure is not None:
            raise self.failure
        if self.terminated:
            sys.exit(0)
        return self.started

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM:
            self.terminated = True
            self.end()
        else:
            super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, answer the last requests, close what is idle, and end.

        uvicorn 0.54 closes idle connections at once, and those that wait to be accepted, also where a request is on its
        way or has arrived: their clients see a reset. An idle connection may be closed at any time (RFC 9112 section
        9.5), but one that was told ``Connection: close`` is not used again, so that nothing is lost.
        """
        listeners, state = sockets or [], self.server_state
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        await self._wait_while(lambda: _has_waiting(listeners), 0)
        for server in self.servers:
            server.close()
        # uvicorn would wait until they have closed what they have accepted. Only they know of connections whose TLS
        # handshake goes on: those have a minute. All others are in ``state.connections``.
        self.servers = []
        for listener in listeners:
            listener.close()
        await asyncio.sleep(0.02)  # what has been accepted becomes a connection
        # With TLS not before its handshake has ended, and nobody says whether there are such.
        await self._wait_while(lambda: self.config.is_ssl or bool(state.connections), 0.02)
        await asyncio.sleep(AGAIN)  # what came while the machine did other things is read
        watching = asyncio.create_task(Parting(state.connections).watch()) if self.config.is_ssl else None
        try:
            await super().shutdown(sockets)
        finally:
            if watching is not None:
                watching.cancel()

    async def _wait_while(self, condition: Callable[[], bool], interval: float) -> None:
        """For the time that there is for last requests at most."""
        end = time.monotonic() + time_for_requests(self.config)
        while condition() and time.monotonic() < end and not self.force_exit:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(interval)

    def passing_errors(self, app: ASGIApp) -> ASGIApp:
        """``app``, whose first exception ends the server and comes out of :meth:`run_for` (``passthrough_errors``)."""

        async def passing(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            except Exception as error:
                self.failure = self.failure or error
                self.end()
                raise

        return passing

    def end(self, within: int | None = None) -> None:
        """Let it finish its requests and end. From any thread; it does not wait.

        :param within: seconds for the requests, if they are fewer than ``timeout_graceful_shutdown``.
        """
        allowed = self.config.timeout_graceful_shutdown
        if within is not None and (allowed is None or within < allowed):
            self.config.timeout_graceful_shutdown = within
        self.should_exit = True


def _has_waiting(listeners: list[socket.socket]) -> bool:
    """Whether there are connections that wait to be accepted."""
    with selectors.DefaultSelector() as selector:  # select() takes no descriptors from 1024 on
        for listener in listeners:
            selector.register(listener, selectors.EVENT_READ)
        return bool(selector.select(0))


class AdvancedThread(threading.Thread):
    """A thread for ``app.run_server`` that can be stopped; otherwise a ``threading.Thread``, with its arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()
        self._servers: list[Server] = []
        self._stopped = False

    def runs(self, server: Server) -> None:
        """Called by a server that begins on this thread."""
        with self._lock:
            self._servers.append(server)
            if self._stopped:
                server.end()

    def stop(self, timeout: float | None = None) -> None:
        """End the server that runs on this thread, and wait until the thread has ended.

        Requests that are being answered are finished, within uvicorn's ``timeout_graceful_shutdown``. No exception is
        raised inside the thread: one that runs no server ends by itself or not at all.

        :param timeout: seconds to wait for the end; None waits as long as it takes.
        """
        with self._lock:
            self._stopped = True
            for server in self._servers:
                server.end()
        if self.is_alive() and self is not threading.current_thread():
            self.join(timeout)
