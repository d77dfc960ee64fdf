"""Where the bytes on the wire matter: Flask on gunicorn, the WebServer on uvicorn, raw requests to both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..servers import free_port, process, served
from .cases.bodies import LONG, MULTIPART, PARTS, framed
from .flavours import MAIN, made
from .request import get, post
from .seen import differences
from .tolerated import without_compression
from .wire import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

END = b"Connection: close\r\n\r\n"
HEAD = b" HTTP/1.1\r\nHost: localhost:8000\r\n"
ECHO = b"/echo/?" + b"&".join(
    b"without=" + name for name in (b"REMOTE_PORT", b"SERVER_PORT", b"server", b"is_multithread", b"is_multiprocess")
)
CHUNKED = b"POST /echo/data" + HEAD + b"Transfer-Encoding: chunked\r\n" + END

RAW = {
    "odd header lines": b"GET " + ECHO + HEAD + b"x-dup:one\r\nX-DUP:\t two \t\r\nX-Empty:\r\nX_Dup: 3\r\n" + END,
    "latin-1 in a header": b"GET " + ECHO + HEAD + b"X-Latin: gr\xf6\xdfe \r\nCookie: a=\xff; b=\xc3\xbc\r\n" + END,
    "undecodable path": b"GET /name/%FF%C3%BC%2F%25" + HEAD + END,
    "slashes and dots": b"GET //merged//../name/./a//b" + HEAD + END,
    "characters to be quoted": b'GET /name/a"<>^`{|}?q="<>^`{|}' + HEAD + END,
    "an absolute target": b"GET http://localhost:8000/name/a?b=c" + HEAD + END,
    "HTTP/1.0 without a host": b"GET /name/a HTTP/1.0\r\n\r\n",
    "HTTP/1.0 stream": b"GET /answers/stream/generator HTTP/1.0\r\n\r\n",
    "chunks": CHUNKED + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    "chunks with a trailer": CHUNKED + b"3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n",
    "no chunks": CHUNKED + b"0\r\n\r\n",
    "pipeline": b"GET /name/a%s\r\nHEAD /leaf%s\r\nGET /answers/stream/context%s" % (HEAD, HEAD, HEAD) + END,
    "pipeline over a body": b"POST /echo/unread" + HEAD + b"Content-Length: 3\r\n\r\nabcGET /leaf" + HEAD + END,
}
WRITTEN = [
    *framed(post("/echo/form", PARTS, MULTIPART["file"]))[:2],
    LONG,
    *(get(f"/answers/value/{name}") for name in ("headers-list", "header-latin", "header-empty", "cookies", "wsgi")),
    *(get(f"/answers/value/{name}") for name in ("generator", "generator-length", "generator-empty")),
    *(get("/answers/value/" + name) for name in ("no-content-with-body", "not-modified", "reset", "status-text")),
    *(get(target, method="HEAD") for target in ("/leaf", "/static/data.bin", "/answers/stream/context", "/nothing")),
    get("/static/data.bin", (b"Range", b"bytes=100-200")),
    get("/branch?a=%FF"),
    get("/methods", method="OPTIONS"),
    get("/errors/raise/unhandled"),
]
RAW |= {repr(request)[:60]: request.wire() for request in WRITTEN}


@pytest.fixture(scope="module")
def gunicorn() -> Iterator[int]:
    port = free_port()
    target = f"{__package__}.reference:application"
    options = ("--worker-class", "gthread", "--threads", "2", "--forwarded-allow-ips", "", "--log-level", "critical")
    root = Path(__file__).parents[__package__.count(".") + 1] if __package__ else Path()
    with process("gunicorn", target, "--bind", f"127.0.0.1:{port}", *options, port=port, cwd=root):
        yield port


@pytest.fixture(scope="module", params=MAIN, ids=lambda flavour: flavour.name)
def uvicorn(request: pytest.FixtureRequest) -> Iterator[int]:
    with served(made(request.param)) as url:
        yield int(url.rpartition(":")[2])


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW)
def test_raw_requests_get_the_same_answers(gunicorn: int, uvicorn: int, raw: bytes) -> None:
    expected, found = ask(gunicorn, raw), ask(uvicorn, raw)
    assert len(expected) == len(found) > 0
    texts = [text for pair in zip(expected, found, strict=True) for text in differences(*without_compression(*pair))]
    if texts:
        pytest.fail("\n".join(texts), pytrace=False)
