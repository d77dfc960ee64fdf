"""A request at the ASGI level, without a server."""

from __future__ import annotations

import asyncio
from typing import Any


def http_scope(path: str = "/", **changes: Any) -> dict[str, Any]:
    """The scope of a GET of ``path``, with other or more keys."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        **changes,
    }


async def ask(app: Any, path: str = "/", scope: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The messages with which ``app`` answers a GET of ``path``, or a scope without body."""
    sent: list[dict[str, Any]] = []
    first = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if first:
            return first.pop()
        await asyncio.sleep(3600)
        return None

    async def send(message: Any) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    await app(scope or http_scope(path), receive, send)
    return sent
