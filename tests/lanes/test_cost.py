"""What a request costs, counted and not timed: calls of functions of this package and of those that it stands on.

The numbers are those of CPython 3.11 with a margin of a tenth. A change that needs more says so here, with its reason.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import flask
import pytest
from werkzeug.middleware.proxy_fix import ProxyFix

import aeros_compat
from aeros_compat import SimpleCache, WebServer

from ..asgi import ask, http_scope
from ..servers import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from ..conftest import Lane


PACKAGE = os.path.dirname(aeros_compat.__file__) + os.sep


@pytest.fixture(autouse=True)
def no_garbage() -> Iterator[None]:
    """Or what other tests have left is taken apart meanwhile, and counted."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Calls:
    """Counts the calls of Python functions in all threads that start after it."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.on = False

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        path = frame.f_code.co_filename
        # Not blinker: whether it is asked depends on what other tests have connected to signals.
        counts = path.startswith(PACKAGE) or ("/site-packages/" in path and "/blinker/" not in path)
        if self.on and event == "call" and counts:
            self.names[f"{path.rpartition('/')[2]}: {frame.f_code.co_qualname}"] += 1

    async def of(self, app: WebServer, scope: dict[str, Any], requests: int = 20) -> float:
        """Calls for a request, once everything that is planned has been planned."""
        for _ in range(3):
            await ask(app, scope=scope)
        self.on = True
        for _ in range(requests):
            await ask(app, scope=scope)
        self.on = False
        return sum(self.names.values()) / requests


def count(app: WebServer, scope: dict[str, Any]) -> tuple[float, str]:
    calls = Calls()
    threading.setprofile(calls)
    sys.setprofile(calls)
    try:
        number = asyncio.run(calls.of(app, scope))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return number, "\n".join(f"{count:5} {name}" for name, count in calls.names.most_common())


def build(lane: Lane, hooks: int) -> WebServer:
    app = WebServer("tests.cost")
    app.worker_threads = 1
    app.secret_key = "only for tests"
    app.add_url_rule("/", "index", lane(lambda: "Hello"))
    app.add_url_rule("/json", "json", lane(lambda: {"message": "Hello"}))
    app.add_url_rule("/user/<int:number>", "user", lane(lambda number: str(number)))
    app.add_url_rule("/agent", "agent", lane(lambda: str(flask.request.user_agent)))
    for _ in range(hooks):
        app.before_request(lambda: None)
        app.after_request(lambda response: response)
        app.teardown_request(lambda error: None)
    return app


def build_kinds(lane: Lane) -> WebServer:
    """What has a way of its own through the gateway: a mount, a cache, a proxy in front."""
    app = WebServer("tests.cost", cache=SimpleCache(timeout=300))
    app.worker_threads = 1
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    app.add_url_rule("/proxied", "proxied", lane(lambda: "Hello"))
    app.add_url_rule("/cached", "cached", app.cache()(lane(lambda: {"message": "Hello"})))

    def mounted(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
        return [b"Hello"]

    app.mount("/mounted", mounted)
    return app


@pytest.mark.parametrize(
    ("path", "sync", "async_"), [("/proxied", 128, 98), ("/cached", 169, 135), ("/mounted", 106, 106)]
)
def test_calls_of_a_request_of_a_special_kind(
    lane: Lane, request: pytest.FixtureRequest, path: str, sync: int, async_: int
) -> None:
    number, which = count(build_kinds(lane), http_scope(path, headers=[(b"host", b"localhost")]))
    check(number, sync if "[sync" in request.node.name else async_, which)


def check(number: float, expected: int, which: str) -> None:
    print(number, which)
    assert number <= expected * 1.1, which
    # Fewer is a reason to write the new number down, or the next one who adds some would not hear of it.
    assert number >= expected * 0.8, f"{number}: the number that is expected can be lowered.\n{which}"


@pytest.mark.parametrize(
    ("path", "sync", "async_", "hooks"),
    [
        ("/", 120, 89, 0),
        ("/json", 124, 93, 0),
        ("/user/7", 138, 107, 0),
        ("/agent", 158, 127, 0),
        ("/nothing", 340, 340, 0),
        ("/", 144, 164, 3),
    ],
)
def test_calls_of_a_request(
    lane: Lane, request: pytest.FixtureRequest, path: str, sync: int, async_: int, hooks: int
) -> None:
    app = build(lane, hooks)
    number, which = count(app, http_scope(path))
    check(number, sync if "[sync" in request.node.name else async_, which)


def test_calls_of_a_request_through_the_server(lane: Lane, request: pytest.FixtureRequest) -> None:
    """The same with the protocol of ``app.run()``, from the bytes of a request to those of its answer."""
    calls = Calls()
    threading.setprofile(calls)
    try:
        with (
            served(build(lane, 0), lifespan="off", access_log=False, reset_contextvars=True) as url,
            socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as connection,
        ):
            for number in range(103):
                calls.on = number >= 3
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Other: 1\r\n\r\n")
                assert connection.recv(65536).endswith(b"Hello")
            calls.on = False
    finally:
        threading.setprofile(None)
    which = "\n".join(f"{count:5} {name}" for name, count in calls.names.most_common())
    check(sum(calls.names.values()) / 100, 140 if "[sync" in request.node.name else 105, which)
