"""A websocket client for tests on real sockets."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

if TYPE_CHECKING:
    from websockets.http11 import Response
    from websockets.sync.client import ClientConnection


def open_websocket(url: str, path: str, **options: Any) -> ClientConnection:
    """A connection to ``path`` of a server, whose base URL has the scheme ``http``; for a ``with`` statement."""
    connection: ClientConnection = connect(url.replace("http", "ws", 1) + path, **options)
    return connection


def refusal(url: str, path: str, **options: Any) -> Response:
    """The response with which the server refuses a websocket."""
    with pytest.raises(InvalidStatus) as raised, open_websocket(url, path, **options):
        pass
    return raised.value.response


def close_of(websocket: ClientConnection) -> tuple[int, str]:
    """Code and reason with which the server closes: there must be nothing else to receive."""
    with pytest.raises(ConnectionClosed) as raised:
        websocket.recv(timeout=10)
    close = raised.value.rcvd
    return (close.code, close.reason) if close is not None else (1006, "")


def drop(websocket: ClientConnection) -> None:
    """Leave without a close frame, as a client does whose network is gone."""
    with contextlib.suppress(OSError):
        websocket.socket.shutdown(socket.SHUT_RDWR)
