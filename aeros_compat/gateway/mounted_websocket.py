"""A websocket for a mounted ASGI application that is called from a thread, because WSGI middleware stands around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from ..types import ASGIApp, Message
    from .websocket import WebsocketConnection


class MountedWebsocket:
    """``receive`` and ``send`` of ASGI over a connection whose handshake has been received already."""

    def __init__(self, connection: WebsocketConnection) -> None:
        self._connection = connection
        self._connected = False
        self._denial = Response(status=403)  # what servers answer where the application closes before it accepts

    def run(self, app: ASGIApp) -> Response:
        """Call the application and wait for its end: the response for the middleware, 101 if it has accepted."""
        async_to_sync(app)(self._connection.scope, self._receive, self._send)
        return Response(status=101) if self._connection.accepted else self._denial

    async def _receive(self) -> Message:
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        inbox = self._connection.inbox
        data = await inbox.take()
        if data is None:
            return {"type": "websocket.disconnect", "code": inbox.close_code, "reason": inbox.close_reason}
        return {"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data}

    async def _send(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                await self._connection.accept(_decoded(message), message.get("subprotocol"))
            case "websocket.send":
                text = message.get("text")
                await self._connection.put(message["bytes"] if text is None else text)
            case "websocket.close":
                if self._connection.accepted:
                    await self._connection.close(message.get("code", 1000), message.get("reason") or "")
            case "websocket.http.response.start":
                self._denial = Response(status=message["status"], headers=_decoded(message))
            case "websocket.http.response.body":
                self._denial.data += message.get("body", b"")


def _decoded(message: Message) -> Headers:
    headers: Any = message.get("headers") or ()
    return Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
