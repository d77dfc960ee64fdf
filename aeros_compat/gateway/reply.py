"""An HTTP response to a handshake, in place of a websocket."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from werkzeug.test import run_wsgi_app

from .answer import encode_headers, fit_for_asgi

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    from ..types import Message


class Reply(NamedTuple):
    """A complete response: it is short, and there is nobody to stream it to."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @classmethod
    def of_wsgi(cls, app: WSGIApplication, environ: WSGIEnvironment) -> Reply:
        """What a WSGI application answers."""
        pieces, status, headers = run_wsgi_app(app, environ)
        try:
            return cls(int(status[:3]), list(headers), b"".join(pieces))
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    @property
    def close_code(self) -> int:
        """What says the same to a websocket that has been accepted (RFC 6455 section 7.4.1)."""
        if self.status >= 500:
            return 1011
        return 1008 if self.status >= 400 else 1000

    def messages(self) -> list[Message]:
        """The messages of the ASGI extension ``websocket.http.response``."""
        start = fit_for_asgi({"status": self.status, "headers": encode_headers(self.headers)})
        return [
            {**start, "type": "websocket.http.response.start"},
            {"type": "websocket.http.response.body", "body": self.body, "more_body": False},
        ]
