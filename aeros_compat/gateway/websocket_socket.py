"""Websockets with a sync view: Flask's cycle on a thread, with a socket in the environ.

Sync code for websockets (simple-websocket, and with it flask-sock and Flask-SocketIO) takes the client's socket from
the environ, where WSGI servers leave it, and speaks the protocol on it: handshake, frames, pings, close. It gets one
end of a pair of sockets here. At the other end a protocol object takes the client's side, and turns frames into
messages of ASGI and back. The real client's handshake, compression and pings are the server's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any, cast

from werkzeug.datastructures import Headers
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Message, Ping, Request, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError

from ..lanes.hop import hop
from ..upstream import bind_executor
from .inbox import ABNORMAL_CLOSURE
from .reply import Reply

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from wsproto.events import Event

    from ..handshake import Handshake
    from ..webserver import WebServer
    from .inbox import Inbox

    Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

#: Where Werkzeug's development server leaves the client's socket, and where simple-websocket looks first.
SOCKET = "werkzeug.socket"

_CHUNK = 64 * 1024
_NAMED = frozenset(CloseReason)


async def run_on_socket(app: WebServer, handshake: Handshake) -> Reply | None:
    """Run Flask's cycle on a thread. The result is what to answer if nobody has spoken on the socket."""
    threads = app.websocket_threads
    if not threads.has_room:
        app.logger.error("A websocket was refused: %d of them hold a thread each.", threads.lease_limit)
        return Reply(503, [("Content-Type", "text/plain"), ("Content-Length", "0")], b"")
    thread = threads.lease()
    handshake.context.run(bind_executor, cast("Executor", thread))
    tunnel = await Tunnel.open(handshake)
    carrying = asyncio.create_task(tunnel.carry())
    try:
        return await hop(thread, handshake.context, _cycle, app, handshake)
    finally:
        thread.release()
        try:
            tunnel.end()
            await carrying
        finally:
            tunnel.close()


def _cycle(app: WebServer, handshake: Handshake) -> Reply | None:
    try:
        reply = Reply.of_wsgi(app.call_wsgi, handshake.environ)
    except asyncio.CancelledError:
        return None  # the client has left an async view that was awaited from here
    except ConnectionError:
        # python-engineio ends a websocket so under Werkzeug's server, to say that there is no response to send.
        if handshake.connection.accepted:
            return None
        raise
    return None if reply.status == 101 else reply


class Tunnel:
    """A pair of sockets: one for sync code, and ours, which carries its frames to the client's connection."""

    def __init__(self, handshake: Handshake, theirs: socket.socket, streams: Streams) -> None:
        self._connection = handshake.connection
        self._theirs = theirs
        self._reader, self._writer = streams
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._pieces: list[Any] = []
        self._spoken = False
        subprotocols = list(self._connection.scope.get("subprotocols") or ())
        request = self._protocol.send(Request(host="localhost", target="/", subprotocols=subprotocols))
        # What sync code finds in the environ. It makes a handshake of its own: the server has had the client's.
        environ = handshake.environ
        environ[SOCKET] = theirs
        environ["HTTP_SEC_WEBSOCKET_KEY"] = _header(request, b"sec-websocket-key")
        environ["HTTP_SEC_WEBSOCKET_VERSION"] = "13"
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)

    @classmethod
    async def open(cls, handshake: Handshake) -> Tunnel:
        """A tunnel whose end for sync code is in the environ of the handshake."""
        theirs, ours = socket.socketpair()
        return cls(handshake, theirs, await asyncio.open_connection(sock=ours))

    def end(self) -> None:
        """The sync code has returned. What it has written is still carried."""
        with contextlib.suppress(OSError):  # it has closed its socket
            self._theirs.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        if not self._spoken:
            # Else whoever speaks on it closes it. From here that could take the number of the socket away from under a
            # recv in the reading thread of simple-websocket.
            self._theirs.close()

    async def carry(self) -> None:
        """Carry messages both ways until both sides have said that they close, or the sync code's end is closed."""
        forwarding: asyncio.Task[None] | None = None
        try:
            while self._protocol.state is not ConnectionState.CLOSED and (data := await self._reader.read(_CHUNK)):
                self._protocol.receive_data(data)
                for event in self._protocol.events():
                    await self._on(event)
                if forwarding is None and self._spoken:
                    forwarding = asyncio.create_task(self._forward())
        except ConnectionError:
            pass  # closed with something of ours unread
        finally:
            if forwarding is not None:
                forwarding.cancel()
                await asyncio.wait((forwarding,))
            self._writer.close()  # or the sync code would wait for ever for somebody to read, if this has failed

    # From the sync code to the client.

    async def _on(self, event: Event) -> None:
        match event:
            case AcceptConnection():
                self._spoken = True
                headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.extra_headers)
                await self._connection.accept(Headers(headers), event.subprotocol)
            case Message():
                self._pieces.append(event.data)
                if event.message_finished:
                    pieces, self._pieces = self._pieces, []
                    await self._connection.put("".join(pieces) if isinstance(event, TextMessage) else b"".join(pieces))
            case Ping() if self._protocol.state is ConnectionState.OPEN:
                self._writer.write(self._protocol.send(event.response()))
            case CloseConnection():
                if self._protocol.state is ConnectionState.REMOTE_CLOSING:
                    self._writer.write(self._protocol.send(event.response()))
                if not self._connection.closed:
                    code = 1000 if event.code == CloseReason.NO_STATUS_RCVD else event.code
                    await self._connection.close(int(code), event.reason or "")

    # From the client to the sync code.

    async def _forward(self) -> None:
        inbox = self._connection.inbox
        with contextlib.suppress(ConnectionError, LocalProtocolError):  # the sync code has closed
            while (data := await inbox.take()) is not None:
                frame = TextMessage(data) if isinstance(data, str) else BytesMessage(data)
                self._writer.write(self._protocol.send(frame))
                await self._writer.drain()
            if inbox.close_code == ABNORMAL_CLOSURE:
                self._writer.close()
            else:
                self._writer.write(self._protocol.send(CloseConnection(_close_reason(inbox), inbox.close_reason)))


def _close_reason(inbox: Inbox) -> int:
    code = inbox.close_code or ABNORMAL_CLOSURE
    # wsproto writes no code for NO_STATUS_RCVD, and knows that by the member of its enumeration.
    return CloseReason(code) if code in _NAMED else code


def _header(request: bytes, name: bytes) -> str:
    for line in request.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip().decode()
    raise ValueError(f"There is no {name.decode()} header in a request of wsproto.")
