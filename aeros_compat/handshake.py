"""The HTTP request with which a client asks for a websocket (RFC 6455 section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .exchange import Exchange
from .gateway.body import Body
from .gateway.environ import HTTP_SCHEMES

if TYPE_CHECKING:
    from .gateway.websocket import WebsocketConnection
    from .types import Message, Scope


class Handshake(Exchange):
    """What both frameworks know of a websocket before it is accepted, and the connection that it asks for."""

    def __init__(self, scope: Scope, body: Body, connection: WebsocketConnection) -> None:
        super().__init__(_as_request(scope), body)
        self.connection = connection

    @classmethod
    async def of(cls, scope: Scope, connection: WebsocketConnection) -> Handshake:
        """The handshake for a websocket scope of ASGI."""
        body = Body(_no_body)
        collecting = body.collect(0, None, None)
        if collecting is not None:
            await collecting
        return cls(scope, body, connection)


def _as_request(scope: Scope) -> dict[str, Any]:
    """A websocket scope with what a request has in addition.

    Over HTTP/2 and HTTP/3 there is no ``Upgrade`` (RFC 8441 section 5), but the environ of a WSGI application, and
    Werkzeug's match of a websocket rule with it, know no other sign of a websocket.
    """
    headers = list(scope["headers"])
    if not any(name == b"upgrade" for name, _ in headers):
        headers += [(b"upgrade", b"websocket"), (b"connection", b"Upgrade")]
    scheme = HTTP_SCHEMES.get(scope.get("scheme", "ws"), "http")
    version = scope.get("http_version", "1.1")
    return {**scope, "method": "GET", "scheme": scheme, "headers": headers, "http_version": version}


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
