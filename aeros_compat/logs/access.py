"""The access log: one line for each request when its response is over, two for each websocket.

An ASGI layer, outside of everything else of the application: what it counts is what the server was given to send. It
stands there only while somebody wants the lines.
"""

from __future__ import annotations

import logging
import os
import re
from asyncio import CancelledError
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..gateway.environ import request_target
from ..gateway.whole import RelayedAnswer, WholeRequest, send_answer, take_body
from ..watching.mounts import MOUNT, label_of
from ..watching.record import RECORD, Record
from ..watching.tally import MATCHED_LATE, NO_ROUTE

if TYPE_CHECKING:
    from ..types import ASGIApp, Headers, Message, Receive, Scope, Send
    from ..webserver import WebServer

#: The logger of access lines.
ACCESS = "aeros_compat.access"

FORMAT = (
    '%(client)s "%(method)s %(path)s %(protocol)s" %(status)d %(bytes)dB %(duration_ms).2fms'
    " %(lane)s wait=%(wait_ms).2fms worker=%(worker)d %(outcome)s"
)

#: The status of a request whose client has left before there was one: nginx's number for it.
CLIENT_LEFT = 499

#: What could end a field or a line, or move the cursor of a terminal.
_UNSAFE = re.compile(r'[^\x21-\x7e]|["\\]')

logger = logging.getLogger(ACCESS)

_writing: ContextVar[AccessLog | None] = ContextVar("aeros_compat.access_log", default=None)


class AccessLog:
    """``app``, and a line in the log for each of its answers.

    :param server: the WebServer that ``app`` is, or stands around. It has to keep records of its requests.
    """

    def __init__(self, app: ASGIApp, server: WebServer) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = _KINDS.get(scope["type"])
        if kind is None or not logger.isEnabledFor(logging.INFO):
            await self._app(scope, receive, send)
            return
        seen = kind(self, self._server, scope, receive, send)
        try:
            await self._app({**scope, RECORD: seen.record}, seen.receive, seen.send)
        except BaseException as error:
            seen.fail(error)
            raise
        finally:
            seen.end()

    def write(self, entry: logging.LogRecord) -> None:
        """Hand a line to the logger."""
        token = _writing.set(self)
        try:
            logger.handle(entry)
        finally:
            _writing.reset(token)

    def is_writing(self, _entry: logging.LogRecord) -> bool:
        """Whether a line is of this log, and not of another server in the process."""
        return _writing.get() is self


class Seen:
    """What is seen of one request on its way through."""

    method = "GET"
    protocol = ""
    #: Of a response, or the close code of a websocket; 0 as long as there is none.
    status = 0
    #: Bytes of the body, compressed if it is.
    size = 0
    #: Whether the client has left before the end.
    left = False
    failure = ""
    #: When the last byte was handed to the server, and how long threads had been waited for until then.
    ended = 0.0
    waited = 0.0

    def __init__(self, log: AccessLog, server: WebServer, scope: Scope, receive: Receive, send: Send) -> None:
        self.record = Record()
        self._log = log
        self._server = server
        self._scope = scope
        self._receive = receive
        self._send = send
        self._began = perf_counter()

    async def receive(self) -> Message:
        raise NotImplementedError

    async def send(self, message: Message) -> None:
        raise NotImplementedError

    def end(self) -> None:
        """Write the line."""
        raise NotImplementedError

    def fail(self, error: BaseException) -> None:
        self.failure = "cancelled" if isinstance(error, CancelledError) else "failed"

    async def _pass_on(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:  # ASGI specification, "Disconnected Client - send exception"
            self.left = True
            raise

    def _write(self, status: int, outcome: str) -> None:
        scope = self._scope
        lane, route = self._lane_and_route()
        fields = {
            "client": _safe(self._client()),
            "method": _safe(self.method),
            "path": _safe(request_target(scope)),
            "protocol": self.protocol,
            "status": status,
            "bytes": self.size,
            "duration_ms": round(((self.ended or perf_counter()) - self._began) * 1000, 2),
            "lane": lane,
            "route": route,
            "wait_ms": round(self.waited * 1000, 2),
            "worker": os.getpid(),
            "outcome": outcome,
        }
        # The factory of records may be the user's, and may have set attributes of these names (``extra=`` would raise).
        entry = logger.makeRecord(ACCESS, logging.INFO, __file__, 0, FORMAT, (fields,), None, "access")
        vars(entry).update(fields)
        self._log.write(entry)

    def _lane_and_route(self) -> tuple[str, str]:
        """What a route is counted under by the watch, too: the rule, the prefix of a mount, or that there is none."""
        record = self.record
        if record.match is not None:
            return record.lane, NO_ROUTE if record.match.rule is None else record.match.rule.rule
        mount = self._server.mounts.find_for(self._scope)
        if mount is None:
            return (record.lane, MATCHED_LATE) if record.lane else ("none", NO_ROUTE)
        return record.lane or MOUNT, label_of(mount)

    def _client(self) -> str:
        client = self.record.client
        if client is None:  # no lane has taken it
            proxies = self._server.proxies
            client = (self._scope if proxies is None else proxies.apply(self._scope)).get("client")
        return client[0] if client else "-"


class SeenRequest(Seen, WholeRequest, RelayedAnswer):
    """An HTTP request."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.method = self._scope["method"]
        self.protocol = f"HTTP/{self._scope['http_version']}"

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self.ended:  # after the end it says nothing
            self.left = True
        return message

    async def send(self, message: Message) -> None:
        await self._pass_on(message)
        kind = message["type"]
        if kind == "http.response.body":
            self.size += len(message.get("body", b""))
            if not message.get("more_body", False):
                self._complete()
        elif kind == "http.response.start":
            self.status = message["status"]
        elif kind == "http.response.pathsend":
            self.size = _size_of_file(message["path"])
            self._complete()

    def take_body(self) -> bytes | None:
        return take_body(self._receive)

    def send_answer(self, status: int, headers: Headers, body: bytes) -> bool:
        if not send_answer(self._send, status, headers, body):
            return False
        self.status, self.size = status, len(body)
        self._complete()
        return True

    def _complete(self) -> None:
        """What comes now, the clean-up, holds up nobody."""
        self.ended = perf_counter()
        self.waited = self.record.waited

    def end(self) -> None:
        if self.method == "HEAD":
            self.size = 0
        outcome = "disconnected" if self.left else self.failure
        if not outcome:
            outcome = "complete" if self.ended else "disconnected"
        # A server answers 500 for an application that has failed before its answer began.
        status = self.status or (CLIENT_LEFT if outcome == "disconnected" else 500)
        if not self.ended:
            self._complete()
        self._write(status, outcome)


class SeenWebsocket(Seen):
    """A websocket: a line when it is accepted, and one when it is closed; or one that it was rejected."""

    protocol = "WebSocket"
    _accepted = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect" and not self.status:
            self.status = message.get("code") or 1005
        return message

    async def send(self, message: Message) -> None:
        await self._pass_on(message)
        kind = message["type"]
        if kind == "websocket.send":
            text = message.get("text") or ""
            self.size += len(message.get("bytes") or (text if text.isascii() else text.encode()))
        elif kind == "websocket.accept":
            self._accepted = True
            self._write(101, "accepted")
        elif kind == "websocket.close" and not self.status:
            self.status = message.get("code", 1000) if self._accepted else 403
        elif kind == "websocket.http.response.start":
            self.status = message["status"]
        elif kind == "websocket.http.response.body":
            self.size += len(message.get("body", b""))

    def end(self) -> None:
        if self._accepted:
            # RFC 6455 section 7.1.5: no close frame was seen.
            self._write(self.status or 1006, self.failure or "closed")
        else:
            status = self.status if 100 <= self.status < 600 else CLIENT_LEFT if self.status else 500
            self._write(status, self.failure or "rejected")


_KINDS: dict[str, type[Seen]] = {"http": SeenRequest, "websocket": SeenWebsocket}


def _size_of_file(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:  # it has been removed since
        return 0


def _safe(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
