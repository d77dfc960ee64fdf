"""Headers that every response gets, and one that none gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .fields import encoded_field
from .marking import MarkedAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ..types import ASGIApp, Headers, Receive, Scope, Send

#: They belong to one message and say how it is framed: the same value for every response is wrong for most of them.
_FRAMING = frozenset({b"connection", b"content-encoding", b"content-length", b"trailer", b"transfer-encoding"})


class HeadersLayer:
    """Adds the global headers, each where the response does not have it, and takes ``server`` off if it is hidden."""

    def __init__(self, app: ASGIApp, headers: Headers, *, hides_server: bool) -> None:
        self._app = app
        self._headers = headers
        self._hides_server = hides_server

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        return self._app(scope, receive, MarkedAnswer(self._complete, send).send)

    def _complete(self, headers: Headers) -> Headers:
        if self._hides_server:
            headers = [header for header in headers if header[0].lower() != b"server"]
        present = {name.lower() for name, _ in headers}
        return headers + [header for header in self._headers if header[0] not in present]


def encoded_headers(headers: object) -> Headers:
    """The setting ``global_headers`` as ASGI sends it. Raises TypeError or ValueError for what cannot be sent."""
    if not isinstance(headers, Mapping):
        raise TypeError(f"global_headers is a dictionary such as {{'X-Frame-Options': 'DENY'}}, not {headers!r}.")
    encoded = [encoded_field(name, value, "global_headers") for name, value in headers.items()]
    for name, _ in encoded:
        if name in _FRAMING:
            raise ValueError(f"global_headers: {name.decode()!r} is different for every response; leave it out.")
    if len({name for name, _ in encoded}) < len(encoded):
        raise ValueError("global_headers: the same name stands there twice, in upper and lower case.")
    return encoded
