"""HTTP/1.1 as bytes on a socket, and what a client makes of the answer."""

from __future__ import annotations

import http.client
import io
import socket
from typing import TYPE_CHECKING, Any, cast

from .seen import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What servers add on their own account, or decide for themselves.
_OF_THE_SERVER = frozenset({"connection", "date", "keep-alive", "server", "transfer-encoding"})


def ask(port: int, raw: bytes) -> list[Seen]:
    """Send ``raw``, which may be several requests, and read until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(raw)
        chunks = []
        while chunk := connection.recv(65536):
            chunks.append(chunk)
    methods = [line.split(b" ")[0].decode() for line in raw.splitlines() if line.endswith((b"HTTP/1.1", b"HTTP/1.0"))]
    return list(_answers(io.BytesIO(b"".join(chunks)), methods))


def _answers(stream: io.BytesIO, methods: list[str]) -> Iterator[Seen]:
    for method in methods:
        response = http.client.HTTPResponse(cast("socket.socket", _Received(stream)), method=method)
        response.begin()
        assert len(response.headers.get_all("date", [])) == 1, "a server adds one Date, and an application none"
        yield Seen(str(response.status), _application_headers(response), response.read())
        if response.will_close:
            return


def _application_headers(response: http.client.HTTPResponse) -> tuple[tuple[str, str], ...]:
    pairs = [(name.lower(), value) for name, value in response.headers.items()]
    return tuple((name, _meant(name, value)) for name, value in pairs if name not in _OF_THE_SERVER)


def _meant(name: str, value: str) -> str:
    """A value without what means nothing: blanks at its ends, and the order of a set, which differs by process."""
    value = value.strip(" \t")
    return ", ".join(sorted(value.split(", "))) if name == "allow" else value


class _Received:
    """A socket that has received everything already."""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    def makefile(self, *args: Any) -> io.BytesIO:
        # An HTTPResponse closes its file at the end of the body; the next answer follows in the same stream.
        return cast("io.BytesIO", _Open(self._stream))


class _Open(io.BufferedReader):
    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(cast("io.RawIOBase", stream), buffer_size=1)

    def close(self) -> None:
        pass
