"""No framework at all: what the server itself can do."""

from __future__ import annotations

import asyncio
import json as json_module
from typing import TYPE_CHECKING, Any

from ..content import CHUNK, CHUNKS, DOCUMENT, FILES, TEXT, WAIT, as_json, file_content

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]


def application(workload: str) -> ASGIApp:
    return WORKLOADS[workload]


async def _send(send: Any, body: bytes, content_type: bytes = b"text/html; charset=utf-8") -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def text(scope: Any, receive: Any, send: Any) -> None:
    await _send(send, TEXT.encode())


async def json(scope: Any, receive: Any, send: Any) -> None:
    await _send(send, as_json(DOCUMENT), b"application/json")


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    await _send(send, as_json(json_module.loads(body)), b"application/json")


async def wait(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(WAIT)
    await _send(send, TEXT.encode())


def _file(name: str) -> ASGIApp:
    content = file_content(FILES[name])

    async def send_file(scope: Any, receive: Any, send: Any) -> None:
        await _send(send, content, b"text/plain; charset=utf-8")

    return send_file


async def stream(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(CHUNKS):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body"})


async def upload(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message["body"])
        more = message["more_body"]
    await _send(send, str(size).encode())


WORKLOADS: dict[str, ASGIApp] = {
    "text": text,
    "json": json,
    "echo": echo,
    "wait": wait,
    "static_10k": _file("10k.txt"),
    "static_1m": _file("1m.txt"),
    "stream": stream,
    "upload": upload,
}
