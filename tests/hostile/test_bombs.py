"""Small requests that cost much: counted, or compared with twice as much (CWE-400, CWE-407, CWE-409)."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart

from aeros_compat.gateway.body import READ_AHEAD
from aeros_compat.gateway.environ import add_headers
from aeros_compat.serving.protocol import HTTPProtocol

from ..asgi import http_scope
from ..servers import served

if TYPE_CHECKING:
    from collections.abc import Callable

    from aeros_compat import WebServer

    from ..conftest import Lane

FORM = (b"content-type", b"application/x-www-form-urlencoded")
MULTIPART = (b"content-type", b"multipart/form-data; boundary=b")
PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'


def growth(work: Callable[[int], object], size: int) -> float:
    """By how much the time grows when the size grows tenfold: 10 if it is linear, 100 if it is quadratic."""

    def seconds(size: int) -> float:
        times = []
        for _ in range(5):
            begin = time.thread_time()
            work(size)
            times.append(time.thread_time() - begin)
        return min(times)

    return seconds(10 * size) / seconds(size)


@pytest.mark.parametrize("header", [(b"cookie", b"a=b1234567890"), (b"x-many", b"1")], ids=["cookies", "others"])
def test_repeated_headers(header: tuple[bytes, bytes]) -> None:
    assert growth(lambda size: add_headers({}, [header] * size), 4000) < 40


async def uploaded(app: Any, header: tuple[bytes, bytes], begin: bytes, piece: bytes) -> tuple[int, int]:
    """The status of an endless upload, and how many bytes the application took before it said so."""
    taken, status = 0, 0
    done = asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal taken
        if done.is_set():
            return {"type": "http.disconnect"}
        await asyncio.sleep(0)
        body = piece if taken else begin
        taken += len(body)
        assert taken < 50_000_000
        return {"type": "http.request", "body": body, "more_body": True}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            done.set()

    headers = [header, (b"transfer-encoding", b"chunked"), (b"host", b"x")]
    await app(http_scope("/form", method="POST", headers=headers), receive, send)
    return status, taken


#: The beginning of a form, and what comes again and again.
ENDLESS = {
    "parts": (MULTIPART, PART, PART * 500),
    "name of a part": (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="', b"x" * 65536),
    "headers of a part": (MULTIPART, b"--b\r\n", b"X-Header: value\r\n" * 4000),
    "value of a part": (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n', b"x" * 65536),
    "keys": (FORM, b"a=1", b"&a=1" * 16000),
    "one key": (FORM, b"a", b"a" * 65536),
}


@pytest.mark.usefixtures("collected")
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning", "ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("name", ENDLESS)
def test_endless_forms(app: WebServer, lane: Lane, name: str) -> None:
    """Flask's own defaults end multipart ones; others that do not tell their length need a MAX_CONTENT_LENGTH."""
    app.testing = False
    if ENDLESS[name][0] is FORM:
        app.config["MAX_CONTENT_LENGTH"] = 2_000_000

    def sync() -> str:
        return str(len(flask.request.form))

    async def awaited() -> str:
        return str(len(await quart.request.form))

    app.add_url_rule("/form", view_func=sync if lane(sync) is sync else awaited, endpoint="form", methods=["POST"])
    status, taken = asyncio.run(uploaded(app, *ENDLESS[name]))
    assert status == 413
    assert taken < 2_000_000 + 2 * READ_AHEAD  # what is read ahead of the thread, and the piece that it stops at


def test_compressed_bodies_are_not_decompressed(app: WebServer, lane: Lane) -> None:
    """As under Flask: who wants it does it, with a limit."""
    bomb = gzip.compress(b"\0" * 50_000_000)
    app.add_url_rule("/", view_func=lane(lambda: str(len(flask.request.get_data()))), endpoint="view", methods=["POST"])
    with served(app, http=HTTPProtocol) as url:
        for headers in ({"Content-Encoding": "gzip"}, {"Content-Type": "application/gzip"}):
            assert httpx.post(url, content=bomb, headers=headers).text == str(len(bomb))


def test_many_cookies(app: WebServer, lane: Lane) -> None:
    """As many as a head may have, and values that decoders like least."""
    app.add_url_rule("/", view_func=lane(lambda: str(len(flask.request.cookies))), endpoint="view")
    with served(app, http=HTTPProtocol) as url:
        for cookies in (
            "; ".join(f"c{number}=1" for number in range(4000)),
            'a="' + "\\0" * 20000,
            ";" * 60000,
            "=" * 60000,
        ):
            response = httpx.get(url, headers={"Cookie": cookies}, timeout=30)
            assert response.status_code == 200
        lines = [("Cookie", f"c{number}=1") for number in range(2000)]
        assert httpx.get(url, headers=lines).text == "2000"


def test_keys_do_not_collide() -> None:
    """Keys of forms, queries and cookies are strings, whose hashes no client can foresee."""
    assert sys.hash_info.algorithm.startswith("siphash")
    program = "print(hash('key'))"
    assert len({subprocess.check_output([sys.executable, "-c", program], env={"PATH": ""}) for _ in range(3)}) > 1
