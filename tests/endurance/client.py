"""An HTTP/1.1 client that knows exactly what it has sent and what has come back: one connection, raw bytes.

It also costs a tenth of httpx, so that the server is what is loaded.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


class UnansweredError(Exception):
    """The connection ended before the whole answer to a request that had been sent."""


@dataclass(frozen=True)
class Answer:
    """A response: its body without the chunks it may have come in."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Connection:
    """One connection to the server at ``url``, opened with the first request and again after the server closed it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._address = parts.hostname, parts.port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used = 0.0

    @property
    def idle(self) -> float:
        """Seconds since it was opened, or since the last answer on it."""
        return time.monotonic() - self._used

    async def open(self) -> None:
        """Connect, unless an open connection is there. Raises ConnectionError if nobody listens."""
        if self._streams is not None and self._streams[0].at_eof():
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
            self._used = time.monotonic()

    async def ask(self, request: bytes) -> Answer:
        """The answer to a complete request. Raises UnansweredError, and ConnectionError if nobody listens."""
        await self.open()
        assert self._streams is not None
        reader, writer = self._streams
        try:
            writer.write(request)
            await writer.drain()
            answer = await _read_answer(reader, with_body=not request.startswith(b"HEAD "))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self.close()
            raise UnansweredError(f"{request[:60]!r}: {error!r}") from error
        except BaseException:
            self.close()
            raise
        if answer.headers.get("connection") == "close":
            self.close()
        self._used = time.monotonic()
        return answer

    async def send(self, data: bytes) -> None:
        """Part of a request, for a client that leaves in the middle of it."""
        await self.open()
        assert self._streams is not None
        self._streams[1].write(data)

    async def read(self, size: int) -> bytes:
        """Up to ``size`` bytes of what the server has sent."""
        assert self._streams is not None
        return await self._streams[0].read(size)

    def close(self) -> None:
        """Leave. A connection with data on its way is reset, as by a client that is gone."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def request(method: str, path: str, body: bytes = b"", /, **headers: str) -> bytes:
    """A whole request. Underscores in the names of headers stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1", "Host: tests"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _read_answer(reader: asyncio.StreamReader, *, with_body: bool) -> Answer:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    headers = {}
    for line in filter(None, lines[1:]):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if not with_body or status in (204, 304):
        return Answer(status, headers, b"")
    if headers.get("transfer-encoding") == "chunked":
        return Answer(status, headers, await _read_chunks(reader))
    return Answer(status, headers, await reader.readexactly(int(headers["content-length"])))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(chunks)
