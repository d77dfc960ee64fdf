"""What the protocol of ``app.run()`` gives the application: what uvicorn gives it, and no later."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aeros_compat.serving.protocol import HTTPProtocol

from ..hostile.length import search
from ..servers import raw_exchange, read_all, served, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOSE = b"Connection: close\r\n\r\n"
UPGRADE = b"Connection: Upgrade, close\r\nUpgrade: "
CHUNKED = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n"

REQUESTS = {
    "plain": b"GET / HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "query": b"GET /a/b?c=d&e=%20? HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "empty query": b"GET /a? HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "fragment": b"GET /a?b#c HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "escapes": b"GET /%C3%A4/%2F/%ff/%zz HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "raw bytes": b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "absolute": b"GET http://y:1/a?b HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "absolute without a path": b"GET http://y HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "everything": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "tunnel": b"CONNECT y:443 HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "two slashes": b"GET //a//b HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "long": b"GET /" + b"a%20" * 500 + b"?q HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "old": b"GET /a HTTP/1.0\r\n\r\n",
    "old and kept": b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "older": b"GET /a HTTP/0.9\r\n\r\n",
    "newer": b"GET /a HTTP/2.0\r\n\r\n",
    "headers": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a:  2 \r\nX-B:\r\nX-C: \xe9\r\n" + CLOSE,
    "unknown method": b"PURGE / HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "invalid method": b"PAINT / HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "no method": b"/ HTTP/1.1\r\nHost: x\r\n" + CLOSE,
    "body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n" + CLOSE + b"hello",
    "chunks": b"POST / HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"\r\n",
    "continue": b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n" + CLOSE + b"hello",
    "upgrade": b"GET / HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"h2c\r\n\r\n",
    "upgrade with a body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" + UPGRADE + b"h2c\r\n\r\nabc",
    "broken websocket": b"GET / HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"websocket\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n" + CLOSE,
    "two in one": b"POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\noneGET /2 HTTP/1.1\r\n" + CLOSE,
    "three in one": b"GET /1?slow HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n" + CLOSE,
}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the scope, the messages that came until the body was whole, and one more."""
    if scope["type"] != "http":
        return
    messages = []
    while True:
        messages.append(await receive())
        if messages[-1]["type"] == "http.disconnect":
            return  # an exception would be in a log record, and with it the connection
        if not messages[-1].get("more_body"):
            break
    if b"slow" in scope["query_string"]:
        await asyncio.sleep(0.05)
    body = b"".join(message["body"] for message in messages)
    seen = {name: value for name, value in scope.items() if name not in ("client", "server", "extensions")}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": repr((sorted(seen.items()), body)).encode()})
    assert (await receive())["type"] == "http.disconnect"


@pytest.fixture(scope="module", params=["", "/root"])
def urls(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    options: dict[str, Any] = {"root_path": request.param, "lifespan": "off"}
    with served(echo, **options) as ours, served(echo, http="httptools", **options) as uvicorns:
        yield ours, uvicorns


def assert_same(urls: tuple[str, str], request: bytes) -> bytes:
    ours, theirs = (re.sub(rb"(?m)^date: .*\r\n", b"", raw_exchange(url, request)) for url in urls)
    assert ours == theirs
    return ours


@pytest.mark.parametrize("name", REQUESTS)
def test_scopes_are_uvicorns(urls: tuple[str, str], name: str) -> None:
    assert assert_same(urls, REQUESTS[name])


_target = st.text("/a%20?#:@;=é*", max_size=12).map(lambda text: text.encode("latin-1"))
_value = st.text(" \ta,é;=", max_size=6).map(lambda text: text.encode("latin-1"))
_headers = st.lists(st.tuples(st.sampled_from([b"Host", b"X-A", b"Expect", b"Upgrade", b"Cookie"]), _value), max_size=5)


@search(150)
@given(st.sampled_from([b"GET", b"OPTIONS", b"CONNECT", b"get"]), _target, st.sampled_from([b"0", b"1"]), _headers)
def test_any_scope_is_uvicorns(
    urls: tuple[str, str], method: bytes, target: bytes, version: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    lines = [b"%b: %b\r\n" % header for header in headers]
    assert_same(urls, b"%b /%b HTTP/1.%b\r\n%b%b" % (method, target, version, b"".join(lines), CLOSE))


def test_no_scope_is_given_twice() -> None:
    """Middleware writes to scopes."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append([scope, scope["asgi"], scope["headers"], scope["extensions"], scope["state"]])
        for each in seen[-1]:
            assert "mine" not in each
            each.append("mine") if isinstance(each, list) else each.update(mine=True)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with served(app, lifespan="off") as url:
        raw_exchange(url, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + REQUESTS["plain"])
    assert len(seen) == 2


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_idle_connections_are_closed(loop: str) -> None:
    """``timeout_keep_alive`` seconds after the last answer: not after the first one, and not in a request."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with (
        served(app, lifespan="off", timeout_keep_alive=2, loop=loop) as url,
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as connection,
    ):
        for _ in range(4):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 204")
            time.sleep(0.7)
        connection.sendall(b"GET / HTTP/1.1\r\n")
        time.sleep(2.5)  # a request that comes slowly is not idle
        start = time.monotonic()
        connection.sendall(b"Host: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 204")
        assert read_all(connection) == b""
        assert time.monotonic() - start > 1.8


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("name", ["plain", "chunks", "three in one", "half", "left"])
def test_connections_are_given_back_without_the_collector(loop: str, name: str) -> None:
    """It looks for garbage seldom, and a connection has its last request, with the body of that."""
    others = {"half": b"GET / HTTP/1.1\r\nHo", "left": REQUESTS["three in one"][:-4]}
    gc.collect()
    gc.disable()
    try:
        with served(echo, lifespan="off", loop=loop) as url:
            for _ in range(3):
                with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as connection:
                    connection.sendall(others.get(name) or REQUESTS[name])
                    if name not in others:
                        read_all(connection)
            wait_for(lambda: not any(isinstance(each, HTTPProtocol) for each in gc.get_objects()))
    finally:
        gc.enable()
