"""Any bytes on the connections of a real server: no failure in its log, no hang, and it goes on."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aeros_compat import WebServer
from aeros_compat.lanes.threads import WARM_THREADS
from aeros_compat.serving.protocol import HTTPProtocol
from aeros_compat.webserver import WORKER_THREADS

from ..differential.flavours import asynchronous
from ..servers import read_all, served, wait_for
from .length import search
from .strategies import piece
from .target import build, files_in

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b" HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s==\r\n\r\n"
REQUESTS = [
    b"GET /any/x" + HEAD + b"\r\n",
    b"GET /static/page.txt" + HEAD + b"Range: bytes=1-2\r\n\r\n",
    b"POST /body" + HEAD + b"Content-Length: 5\r\n\r\nabcde",
    b"POST /form" + HEAD + b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 6\r\n\r\n--b--\r",
    b"POST /body" + HEAD + CHUNKED + b"3\r\nabc\r\n0\r\n\r\n",
    b"POST /legacy/x" + HEAD + CHUNKED + b"3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n",
    b"GET /stream" + HEAD + b"Connection: close\r\n\r\n",
    b"GET /cookies" + HEAD + b"Cookie: session=x; a=b\r\n\r\n",
    b"GET http://x/address" + HEAD + b"\r\n",
    b"OPTIONS *" + HEAD + b"\r\n",
    b"CONNECT x:443" + HEAD + b"\r\n",
    b"GET /any/x" + HEAD + WEBSOCKET % (b"x" * 22),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]
_DAMAGE = rb"""HTTP/1.1 HTTP/9.9 HTTP/ GET Content-Length: Content-Length:5 Transfer-Encoding:chunked Upgrade:
Expect:100-continue -1 ffffffffffffffff 0 \ """
DAMAGE = [*_DAMAGE.split(), b"\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b"\r\n\r\n", b":", b"\r\n x", b"x" * 3000]


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Requests one after the other, some of them with bytes put in, left out or exchanged."""
    data = b"".join(draw(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.sampled_from([0, 0, 1, 2, 10]))
        data = data[:at] + draw(st.one_of(st.just(b""), st.sampled_from(DAMAGE), piece)) + data[at + cut :]
    return data


@pytest.fixture(scope="module", params=["sync", "async"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    lane = asynchronous if request.param == "async" else lambda view: view
    app = build(WebServer, lane, files_in(tmp_path_factory.mktemp("hostile")))
    with served(app, http=HTTPProtocol) as url:
        yield url


class Failures(logging.Handler):
    """What uvicorn and the application log as errors: a 500 is logged by one of them."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self.format(record))


@contextlib.contextmanager
def failures() -> Iterator[list[str]]:
    handler = Failures()
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "tests.hostile.target", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield handler.messages
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


@pytest.mark.usefixtures("collected")
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning", "ignore:unclosed file:ResourceWarning")
def test_any_bytes(url: str) -> None:
    before = threading.active_count()

    @search(150)
    @given(data=streams())
    def attack(data: bytes) -> None:
        with failures() as found, socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
            connection.settimeout(20)
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                answer = read_all(connection)
                assert b"HTTP/1.1 500" not in answer
        assert found == []

    attack()
    assert httpx.get(f"{url}/any/x").text == "'x'"
    wait_for(lambda: threading.active_count() <= before + WORKER_THREADS + WARM_THREADS)
