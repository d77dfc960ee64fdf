"""TLS connections that an ending server has closed: it does not wait long for their clients to say goodbye.

Each side of a TLS connection tells the other that it ends (RFC 8446 section 6.1), and asyncio and uvloop wait 30
seconds for the client's word: as long as Kubernetes does before it kills a container. A client that keeps an idle
connection for later does not listen.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

#: Seconds for the client's goodbye. Not at once: what comes after a socket has been closed makes the system reset the
#: connection, and the client may lose the end of its answer.
GOODBYE = 2.0


class Parting:
    """Ends the reading side of closed connections. What is still to be sent is sent, however long that takes.

    :param connections: uvicorn's, which come and go.
    """

    def __init__(self, connections: Collection[Any]) -> None:
        self._connections = connections
        self._sockets: dict[Any, socket.socket] = {}
        self._closed_since: dict[Any, float] = {}
        self.look()  # before uvicorn closes them: transports of asyncio that are closed twice forget their sockets

    def look(self) -> None:
        """Note new connections, and end those whose clients have had their time."""
        now = time.monotonic()
        for connection in list(self._connections):
            if connection not in self._sockets:
                # A socket of our own for the same connection: theirs may be closed, and its number taken by another.
                with suppress(OSError, AttributeError):
                    theirs = connection.transport.get_extra_info("socket")
                    self._sockets[connection] = socket.fromfd(theirs.fileno(), theirs.family, theirs.type)
            elif connection.transport.is_closing() and now - self._closed_since.setdefault(connection, now) > GOODBYE:
                with suppress(OSError):  # it has just gone
                    self._sockets[connection].shutdown(socket.SHUT_RD)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        try:
            while True:
                await asyncio.sleep(0.1)
                self.look()
        finally:
            for each in self._sockets.values():
                each.close()
