"""HTTP/1.1 as uvicorn reads it with httptools, faster, with ``sendfile``, less three things that clients can do to it.

``app.run()`` serves with it, and others can: ``uvicorn --http aeros_compat.serving.protocol:HTTPProtocol app:app``.
"""

from __future__ import annotations

import asyncio
import threading
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .cycle import Cycle
from .ending import AGAIN, time_for_requests
from .idle import IdleTimer
from .outbox import Outlet, outbox_of
from .sendfile import PATHSEND, SendingCycle, can_send

#: Bytes of a head or of trailers, and what one read brings. h11, uvicorn's other parser, has the same limit.
LONGEST_HEAD = 65536

#: Bytes that are read at once: as many as uvloop and asyncio read for other protocols.
READ_SIZE = 256 * 1024


class _ReadBuffer(threading.local):
    """Where a thread's connections are read to. They share it: what is read is parsed before anything else is."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(READ_SIZE))


_buffer = _ReadBuffer()


#: Bytes of the target of a request that is remembered with its parts. Longer ones seldom come twice.
_SHORT = 200


class _EndedHeaders(list[tuple[bytes, bytes]]):
    """Headers to which nothing is added any more."""

    def append(self, header: tuple[bytes, bytes], /) -> None:
        pass


#: Where trailers go.
_nowhere = _EndedHeaders()


class HTTPProtocol(HttpToolsProtocol, asyncio.BufferedProtocol):
    """uvicorn's protocol, with a limit for the head of a request, and headers and requests that end.

    Uvicorn 0.54 appends the trailers of a chunked body to the headers in the scope, often before the application is
    called. They must not be merged (RFC 9110 section 6.5.1): a proxy that takes ``X-Forwarded-For`` or
    ``X-Remote-User`` off the headers of its clients lets trailers pass.

    It also collects headers without end: one connection could fill the memory, and never reach the application.

    And when a client leaves, it tells the request that came last. One before it, which is still being answered while
    the next has been read already (RFC 9112 section 9.3.2), would wait, or stream, for ever.

    What happens for each request is written anew here, since a third of the time of a small one was uvicorn's: it gives
    the application what uvicorn would give it.
    """

    cycle: Cycle
    transport: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Bytes that have come since there was a new message, the end of a head, or a piece of a body.
        self._held = 0
        #: What the application may use on this connection.
        self._extensions: dict[str, Any] = {}
        self._cycle_class: type[Cycle] = Cycle
        #: Whether the request asks for a websocket.
        self._upgrades = False
        #: Requests that were still being answered, or waited for it, when the next one had been read.
        self._earlier: list[Cycle] = []
        self._idle = IdleTimer(self.loop, self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def get_buffer(self, sizehint: int) -> memoryview:
        # Else the loop would make bytes of what it reads, of which the parser makes other bytes.
        return _buffer.view

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(_buffer.view[:nbytes])  # the parser takes any buffer

    def data_received(self, data: bytes | memoryview) -> None:
        self._held += len(data)
        super().data_received(data)  # type: ignore[arg-type]
        if self._held > LONGEST_HEAD and not self.transport.is_closing():
            self._refuse()

    def _unset_keepalive_if_required(self) -> None:
        self._idle.stop()

    def connection_made(self, transport: Any) -> None:
        outlet: Any = Outlet(transport, outbox_of(self.loop), self.tasks)
        super().connection_made(outlet)
        if can_send(transport):
            self._extensions, self._cycle_class = {PATHSEND: {}}, SendingCycle

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._held = 0
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        self._held = 0
        parser = self.parser
        version = parser.get_http_version()
        scope = self._new_scope(version)
        self.scope = scope  # type: ignore[assignment]  # the same as a TypedDict
        self._upgrades = parser.should_upgrade() and self._should_upgrade()
        if self._upgrades:
            self.headers = _EndedHeaders(self.headers)
            return
        self.headers = _nowhere
        url = self.url
        path, scope["raw_path"], scope["query_string"] = _parts(url) if len(url) <= _SHORT else _parts.__wrapped__(url)
        if self.root_path:
            scope["raw_path"] = self.root_path.encode("ascii") + scope["raw_path"]
        scope["path"] = self.root_path + path
        self._begin(self._cycle_class(self, scope, keep_alive=version != "1.0" and parser.should_keep_alive()))

    def _new_scope(self, version: str) -> dict[str, Any]:
        """The scope without what is in the target (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": self.parser.get_method().decode("ascii"),
            "root_path": self.root_path,
            "headers": self.headers,
            "state": self.app_state.copy(),
        }
        if self._extensions:
            scope["extensions"] = self._extensions.copy()
        return scope

    def _begin(self, cycle: Cycle) -> None:
        """Call the application, or let the request wait for the one before it."""
        app = self.app
        limit = self.limit_concurrency
        if limit is not None and (len(self.connections) >= limit or len(self.tasks) >= limit):
            app = service_unavailable
            self.logger.warning("Exceeded concurrency limit.")
        if self._is_answering():
            self._earlier = [*(cycle for cycle in self._earlier if not cycle.response_complete), self.cycle]
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))
        else:
            self._start_asgi_task(cycle, app)
        self.cycle = cycle

    def on_body(self, body: bytes) -> None:
        self._held = 0
        cycle = self.cycle
        if self._upgrades or cycle.response_complete:
            return
        # Uvicorn adds each piece to a bytearray and makes bytes of that. Here the first one stays the object that it
        # is: two copies less. A second one before that is taken is added as there: bytes would be copied for each.
        if not cycle.body:
            cycle.body = body
        elif isinstance(cycle.body, bytearray):
            cycle.body += body
        else:
            cycle.body = bytearray(cycle.body) + body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        cycle = self.cycle
        if not (self._upgrades or cycle.response_complete):
            cycle.more_body = False
            cycle.message_event.set()

    # What a request calls.

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle.start()

    def handle_websocket_upgrade(self) -> None:
        if self._is_answering():
            # The connection would belong to the websocket while the answer is still written to it.
            self.transport.close()
        else:
            self._idle.cancel()
            self.transport.flush()
            self.transport = self.transport.behind
            super().handle_websocket_upgrade()

    # What a server that ends calls, and connections that end.

    def shutdown(self) -> None:
        """Close the connection after its last answer, or a moment after that if it did not say that it was the last.

        uvicorn closes what is idle at once, and everything else after the answer. One that began before the server was
        to end has no ``Connection: close``: its client may have sent the next request already (RFC 9112 section 9.6).
        """
        idle, allowed = self._idle.since, time_for_requests(self.config)
        if idle is not None and idle < allowed:
            self._close_in(allowed - idle)
        elif self._is_answering() and self.cycle.response_started:
            self.cycle.on_response = self._on_last_response
        else:
            super().shutdown()

    def _on_last_response(self) -> None:
        self.on_response_complete()
        self._close_in(time_for_requests(self.config))

    def _close_in(self, seconds: float) -> None:
        self.loop.call_later(seconds, self._close_soon)

    def _close_soon(self) -> None:
        self.loop.call_later(AGAIN, self._close)

    def _close(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()  # of an answer that has begun meanwhile the client knows

    def eof_received(self) -> None:
        # The transport is closed now, and says so later: uvloop raises for what is written in between.
        self.transport.flush()
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._idle.cancel()
        self._leave()
        for cycle, _ in self.pipeline:
            cycle.on_response = _nothing  # nobody will begin with it: it knows the connection, which knows it
        self.pipeline.clear()

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


def _nothing() -> None:
    """There is no answer of which anybody would be told."""


@lru_cache(1024)  # clients ask for the same things
def _parts(target: bytes) -> tuple[str, bytes, bytes]:
    """The path of a request's target, decoded and as it came, and its query."""
    url = httptools.parse_url(target)
    path = url.path.decode("ascii")
    return unquote(path) if "%" in path else path, url.path, url.query or b""
