"""A server that ends, over TLS: handshakes, idle connections and requests on their way."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from aeros_compat import AdvancedThread, WebServer
from aeros_compat.serving import ending

from ..servers import free_port, is_listening, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST = b"GET /%s HTTP/1.1\r\nHost: tests\r\n\r\n"


@pytest.fixture(autouse=True)
def long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a machine that is busy with other things."""
    monkeypatch.setattr(ending, "LAST_REQUESTS", 2.0)


class Client:
    """A TLS client that goes on when it is told to."""

    def __init__(self, port: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out)
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)

    def hello(self) -> None:
        """The first message of the handshake, and the server's answer to it, which is not answered in turn."""
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self._flush()
        self._in.write(self._socket.recv(65536))

    def shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._in.write(self._received())
        self._flush()

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def read(self, end: bytes | None = None) -> bytes:
        """What comes until ``end``, or until the server closes the connection in order."""
        found = b""
        while end is None or not found.endswith(end):
            try:
                piece = self._tls.read(65536)
            except ssl.SSLWantReadError:
                self._in.write(self._received())
                continue
            if not piece:
                break
            found += piece
        return found

    def close(self) -> None:
        self._socket.close()

    def _received(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("The server has closed the connection without a word of TLS.")
        return data

    def _flush(self) -> None:
        self._socket.sendall(self._out.read())


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def clients(port: int) -> Iterator[Any]:
    made: list[Client] = []

    def make() -> Client:
        made.append(Client(port))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(params=[("uvloop", "httptools"), ("asyncio", "h11")], ids=" ".join)
def thread(request: pytest.FixtureRequest, app: WebServer, port: int) -> AdvancedThread:
    """A server on each of the loops and parsers."""
    entered = threading.Event()
    app.extensions["entered"] = entered

    @app.get("/sync")
    def sync() -> str:
        entered.set()
        time.sleep(0.3)
        return "sync"

    @app.get("/async")
    async def awaited() -> str:
        return "async"

    loop, http = request.param
    options: dict[str, Any] = {"port": port, "loop": loop, "http": http, "ssl_context": "adhoc"}
    thread = AdvancedThread(target=app.run_server, kwargs=options, daemon=True)
    thread.start()
    wait_for(lambda: is_listening(port))
    return thread


def test_requests_in_flight_and_late_ones_are_answered(
    app: WebServer, thread: AdvancedThread, port: int, clients: Any
) -> None:
    busy, used, shaking, idle = clients(), clients(), clients(), clients()
    used.shake_hands()
    used.send(REQUEST % b"async")
    assert used.read(b"async").startswith(b"HTTP/1.1 200 ")
    idle.shake_hands()
    shaking.hello()
    busy.shake_hands()
    busy.send(REQUEST % b"sync")
    assert app.extensions["entered"].wait(20)
    app.stop()
    wait_for(lambda: not is_listening(port))
    shaking.shake_hands()
    for client, path in ((shaking, b"async"), (used, b"async")):
        client.send(REQUEST % path)
        assert client.read().endswith(path)
    assert busy.read().endswith(b"sync")
    assert idle.read() == b""
    thread.join(20)
    assert not thread.is_alive()


# uvloop closes them with its loop, and warns that nobody did before: nobody else knows of them. It hangs if that
# warning is made an error.
@pytest.mark.filterwarnings("default::ResourceWarning")
@pytest.mark.parametrize("said", ["nothing", "hello"])
def test_a_handshake_that_does_not_end_holds_up_nothing(
    app: WebServer, thread: AdvancedThread, port: int, clients: Any, said: str
) -> None:
    client = clients()
    if said == "hello":
        client.hello()
    app.stop()
    thread.join(20)  # the handshake would have had a minute
    assert not thread.is_alive()
