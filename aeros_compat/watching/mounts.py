"""Mounted ASGI applications, counted. A mounted WSGI application is counted in the sync lane, which answers for it."""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter
from typing import TYPE_CHECKING

from .sockets import CountedSocket

if TYPE_CHECKING:
    from ..gateway.mounts import Mount
    from ..types import ASGIApp, Message, Receive, Scope, Send
    from ..webserver import WebServer
    from .watch import Watch

#: The lane of what is no view.
MOUNT = "mount"


class WatchedMount:
    """A mount, and what is counted of its requests: each is one of the route ``/prefix/*``."""

    def __init__(self, app: WebServer, mount: Mount) -> None:
        self._app = app
        self._mount = mount

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watch = self._app.watch
        assert watch is not None
        loop = asyncio.get_running_loop()
        if loop is not watch.loop:
            watch.attend(loop)
        label = label_of(self._mount)
        if scope["type"] == "websocket":
            with watch.sockets.open(CountedSocket(receive, send)) as socket:
                socket.name(label, "", MOUNT)
                await self._mount(scope, socket.receive, socket.send)
        else:
            await _count_request(watch, label, self._mount, scope, receive, send)


def label_of(mount: Mount) -> str:
    """What stands in place of a rule."""
    return f"{mount.prefix}/*"


async def _count_request(watch: Watch, label: str, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    began = perf_counter()
    status, in_lane = "", 0.0

    async def see(message: Message) -> None:
        nonlocal status, in_lane
        if message["type"] == "http.response.start":
            status, in_lane = str(message["status"]), perf_counter() - began
        await send(message)

    try:
        await app(scope, receive, see)
    finally:
        failed = isinstance(sys.exception(), Exception)
        in_lane = in_lane or perf_counter() - began
        watch.finished.append((label, scope["method"], MOUNT, status, failed, in_lane, 0, 0.0))
