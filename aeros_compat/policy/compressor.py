"""Compresses what the application answers, whoever made the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, BinaryIO

from ..gateway.whole import RelayedAnswer, send_answer
from .compression import Settings
from .fields import headers_of, replaced, value_of, varying_on
from .negotiation import choose, encoded_tag, with_plain_tags

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from typing import Protocol

    from ..types import ASGIApp, Headers, Message, Receive, Scope, Send
    from .algorithms import Algorithm, Encoder

    class Configured(Protocol):
        @property
        def config(self) -> Mapping[str, Any]: ...


#: Browsers send some thirty bytes. What is longer is not looked at: each value costs time, and room among those kept.
_LONGEST_ACCEPT_ENCODING = 500

#: Bytes of a file that are read and compressed in one go.
_FILE_PIECE = 256 * 1024


class CompressionLayer:
    """The settings of an application, and for each request an :class:`EncodedResponse`."""

    def __init__(self, app: ASGIApp, configured: Configured) -> None:
        self._app = app
        self._configured = configured
        self._settings: Settings | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        settings = self._settings
        if settings is None:
            # Not before the first request: until then the application's configuration may change.
            settings = self._settings = Settings(self._configured.config)
        if not settings.is_on:
            return self._app(scope, receive, send)
        accept_encoding, tags = b"", False
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                accept_encoding = accept_encoding + b"," + value if accept_encoding else value
            elif name in (b"if-none-match", b"if-match") and b":" in value:
                tags = settings.knows_tags
        if len(accept_encoding) > _LONGEST_ACCEPT_ENCODING:
            accept_encoding = b""
        response = EncodedResponse(settings, accept_encoding, scope["method"] == "HEAD", send)
        if tags:
            headers, response.known_tags = with_plain_tags(scope["headers"], accept_encoding)
            scope = {**scope, "headers": headers}
        return self._app(scope, receive, response.send)


class EncodedResponse(RelayedAnswer):
    """One response on its way out.

    The start message of a response that may be encoded is held until the next message, which shows whether the body is
    complete. All other responses pass as they are, at the cost of one look at their headers.
    """

    def __init__(self, settings: Settings, accept_encoding: bytes, is_head: bool, send: Send) -> None:
        self._settings = settings
        self._accept_encoding = accept_encoding
        self._is_head = is_head
        self._send = send
        #: Tags of encoded representations that the client has, by those of the application.
        self.known_tags: dict[bytes, bytes] = {}
        self._start: Message | None = None
        self._algorithm: Algorithm | None = None
        self._encoder: Encoder | None = None

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            return self._begin(message)
        if self._start is not None:
            start, self._start = self._start, None
            return self._begin_body(start, message)
        if self._encoder is not None and message["type"] == "http.response.body":
            return self._send_piece(message)
        return self._send(message)

    def send_answer(self, status: int, headers: Headers, body: bytes) -> bool:
        if self._is_head or status == 304:
            return False
        settings = self._settings
        if settings.may_encode(status, headers):
            headers = varying_on(headers, b"Accept-Encoding")
            algorithm = None
            if self._accept_encoding and len(body) >= settings.min_size:
                algorithm = self._negotiated(is_stream=False)
            if algorithm is not None:
                if len(body) > algorithm.inline_limit or not self.is_ready:  # or it would be encoded twice
                    return False
                body = algorithm.make().encode(body, last=True)
                headers = _encoded({"headers": headers}, algorithm, len(body))["headers"]
        return send_answer(self._send, status, headers, body)

    def _begin(self, start: Message) -> Awaitable[None]:
        headers = headers_of(start)
        if start["status"] == 304 and self.known_tags:
            return self._send({**start, "headers": self._with_known_tag(headers)})
        if not self._settings.may_encode(start["status"], headers):
            return self._send(start)
        start = {**start, "headers": varying_on(headers, b"Accept-Encoding")}
        if not self._accept_encoding:
            return self._send(start)
        if self._is_head:
            # What GET would send, but for the length, which only GET finds out (RFC 9110 section 9.3.2).
            algorithm = self._negotiated(is_stream=not value_of(headers, b"content-length"))
            return self._send(start if algorithm is None else _encoded(start, algorithm))
        self._start = start
        return _nothing()

    async def _begin_body(self, start: Message, message: Message) -> None:
        """Send the start message, now that ``message``, the next one, is known."""
        body: bytes = message.get("body", b"")
        is_body = message["type"] == "http.response.body"
        is_complete = is_body and not message.get("more_body", False)
        is_file = message["type"] == "http.response.pathsend"
        algorithm = None
        if not is_complete or len(body) >= self._settings.min_size:
            has_length = is_complete or is_file or bool(value_of(start["headers"], b"content-length"))
            algorithm = self._negotiated(is_stream=not has_length)
        if algorithm is None or not (is_body or is_file):
            await self._send(start)
            await self._send(message)
            return
        self._algorithm, self._encoder = algorithm, algorithm.make()
        if is_complete:
            body = await self._encode(body, last=True)
            await self._send(_encoded(start, algorithm, len(body)))
            await self._send({**message, "body": body})
        elif is_file:
            await self._send_file(_encoded(start, algorithm), message["path"])
        else:
            await self._send(_encoded(start, algorithm))
            await self._send_piece(message)

    async def _send_piece(self, message: Message) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if body or not more:
            message = {**message, "body": await self._encode(body, last=not more)}
        await self._send(message)

    async def _send_file(self, start: Message, path: str) -> None:
        """In place of the server (``http.response.pathsend``), which would send the file as it is."""
        with await asyncio.to_thread(open, path, "rb") as file:
            await self._send(start)
            more = True
            while more:
                body, more = await asyncio.to_thread(self._next_of_file, file)
                await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _next_of_file(self, file: BinaryIO) -> tuple[bytes, bool]:
        assert self._encoder is not None
        piece = file.read(_FILE_PIECE)
        more = len(piece) == _FILE_PIECE
        return self._encoder.encode(piece, last=not more), more

    async def _encode(self, data: bytes, *, last: bool) -> bytes:
        assert self._encoder is not None
        assert self._algorithm is not None
        if len(data) <= self._algorithm.inline_limit:
            return self._encoder.encode(data, last=last)
        # Not on a worker of the application's: all of them may be waiting in views, and this response is finished.
        return await asyncio.to_thread(self._encoder.encode, data, last=last)

    def _negotiated(self, *, is_stream: bool) -> Algorithm | None:
        settings = self._settings
        name = choose(settings.streaming_names if is_stream else settings.names, self._accept_encoding)
        return None if name is None else settings.algorithms[name]

    def _with_known_tag(self, headers: Headers) -> Headers:
        """The headers of a 304 with the tag that a 200 would have (RFC 9110 section 15.4.5)."""
        known = self.known_tags.get(value_of(headers, b"etag"))
        return headers if known is None else varying_on(replaced(headers, b"etag", known), b"Accept-Encoding")


def _encoded(start: Message, algorithm: Algorithm, length: int | None = None) -> Message:
    """The start message of the encoded representation, whose length may not be known yet."""
    headers = replaced(start["headers"], b"content-length", None if length is None else str(length).encode())
    # A range would be one of the other representation.
    headers = replaced(headers, b"accept-ranges")
    tag = value_of(headers, b"etag")
    if tag:
        headers = replaced(headers, b"etag", encoded_tag(tag, algorithm.header))
    return {**start, "headers": [*headers, (b"content-encoding", algorithm.header)]}


async def _nothing() -> None:
    """The message is held."""
