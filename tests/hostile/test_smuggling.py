"""Requests in which a proxy and the server could see two different things (RFC 9112 section 11.2)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import flask

from aeros_compat.serving.protocol import HTTPProtocol

from ..servers import raw_exchange, served

if TYPE_CHECKING:
    from aeros_compat import WebServer

    from ..conftest import Lane

POST = b"POST /front HTTP/1.1\r\nHost: x\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(CHUNKS + HIDDEN)

#: A proxy that reads them in one of the possible ways takes HIDDEN for the body of the first request.
SHAPES = {
    "length, then chunked": POST + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS + HIDDEN,
    "chunked, then length": POST + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNKS + HIDDEN,
    "two lengths": POST + b"Content-Length: 0\r\n" + LENGTH + b"\r\n" + CHUNKS + HIDDEN,
    "two lengths in one": POST + b"Content-Length: 0, 77\r\n\r\n" + HIDDEN,
    "length with a sign": POST + b"Content-Length: +0\r\n\r\n" + HIDDEN,
    "negative length": POST + b"Content-Length: -1\r\n\r\n" + HIDDEN,
    "length in other digits": POST + b"Content-Length: \xd9\xa0\r\n\r\n" + HIDDEN,
    "length with a blank inside": POST + b"Content-Length: 0 77\r\n\r\n" + HIDDEN,
    "hexadecimal length": POST + b"Content-Length: 0x0\r\n\r\n" + HIDDEN,
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n" + LENGTH + b"\r\n" + CHUNKS + HIDDEN,
    "chunked is not the last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKS + HIDDEN,
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" + CHUNKS + HIDDEN,
    "vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n" + LENGTH + b"\r\n" + CHUNKS + HIDDEN,
    "NUL in the coding": POST + b"Transfer-Encoding: chunked\0\r\n" + LENGTH + b"\r\n" + CHUNKS + HIDDEN,
    "blank before the colon": POST + b"Transfer-Encoding : chunked\r\n" + LENGTH + b"\r\n" + CHUNKS + HIDDEN,
    "folded line": POST + b"Transfer-Encoding:\r\n chunked\r\n" + LENGTH + b"\r\n" + CHUNKS + HIDDEN,
    "folded name": POST + b"X: y\r\n Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNKS + HIDDEN,
    "bare carriage return": POST + b"X: y\rTransfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNKS + HIDDEN,
    "chunk size with a sign": POST + b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + HIDDEN,
    "chunk size with a prefix": POST + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + HIDDEN,
    "chunk size that overflows": POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" + HIDDEN,
    "line feed after a chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n" + HIDDEN,
    "line feed in an extension": POST + b"Transfer-Encoding: chunked\r\n\r\n3;x\nabc\r\n0\r\n\r\n" + HIDDEN,
    "chunk without an end": POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n" + HIDDEN,
    "line feed after a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n" + HIDDEN,
    "HTTP/1.0 with chunks": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS + HIDDEN,
    "length in the body of a GET": b"GET /front HTTP/1.1\r\nHost: x\r\n" + LENGTH + b"\r\n" + CHUNKS + HIDDEN,
    "underscore": POST + b"Transfer_Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNKS + HIDDEN,
}


def test_no_request_hides_in_another(app: WebServer, lane: Lane) -> None:
    """With the parser of ``app.run()``. h11 takes the first two and the folded line: chunked wins over a length."""
    seen: list[str] = []

    def view(path: str) -> str:
        seen.append(path)
        return str(len(flask.request.get_data()))

    app.add_url_rule("/<path>", view_func=lane(view), endpoint="view", methods=["GET", "POST"])
    found = []
    with served(app, http=HTTPProtocol, timeout_keep_alive=1) as url:
        for name, shape in SHAPES.items():
            seen.clear()
            with contextlib.suppress(OSError):  # refused, or still waiting for the rest of a body
                raw_exchange(url, shape, timeout=0.3)
            if "hidden" in seen:
                found.append(name)
        assert b"\r\n\r\n77" in raw_exchange(url, POST + b"Content-Length: 77\r\nConnection: close\r\n\r\n" + b"x" * 77)
        chunks = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3;name=value\r\nabc\r\n0\r\n\r\n"
        assert raw_exchange(url, POST + chunks).endswith(b"\r\n\r\n3")
    assert found == []
