"""Websockets and mounted ASGI applications, counted."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import quart
from flask_sock import Sock  # type: ignore[import-untyped]
from quart import Quart
from websockets.exceptions import ConnectionClosed

from aeros_compat import WebServer
from aeros_compat.watching.sockets import WebsocketStats

from ..servers import served, wait_for
from ..websocket_client import open_websocket, refusal
from .test_pages import metrics_of

PATH = "/_aeros/lanes"


def stats_for(app: WebServer, rule: str) -> WebsocketStats:
    found = [route for route in app.lane_stats().websockets if route.rule == rule]
    assert len(found) <= 1
    return found[0] if found else WebsocketStats(rule, "", "")


def echo_in_both_lanes() -> WebServer:
    app = WebServer("tests.sockets", watch=PATH)

    @app.websocket("/async")
    async def echo() -> None:
        while True:
            await quart.websocket.send(await quart.websocket.receive())

    @Sock(app).route("/sync")  # type: ignore[untyped-decorator]
    def echo_on_a_thread(socket: Any) -> None:
        while True:
            socket.send(socket.receive())

    return app


def mounted() -> WebServer:
    app = WebServer("tests.sockets", watch=PATH)
    inner = Quart("inner")

    @inner.websocket("/x")
    async def echo() -> None:
        while True:
            await quart.websocket.send(await quart.websocket.receive())

    @inner.get("/x")
    async def view() -> str:
        return "inner"

    @inner.get("/error")
    async def error() -> Any:
        return "no", 503

    mounted_app: Any = inner
    app.mount("/inner", mounted_app)
    return app


@pytest.mark.parametrize(
    ("make", "path", "rule", "lane"),
    [
        (echo_in_both_lanes, "/async", "/async", "async"),
        (echo_in_both_lanes, "/sync", "/sync", "sync"),
        (mounted, "/inner/x", "/inner/*", "mount"),
    ],
)
def test_websockets_and_their_messages(make: Any, path: str, rule: str, lane: str) -> None:
    app = make()
    with served(app) as url:
        with open_websocket(url, path) as first, open_websocket(url, path) as second:
            for message in ("a", "b", b"c"):
                first.send(message)
                assert first.recv(timeout=10) == message
            second.send("d")
            assert second.recv(timeout=10) == "d"
            wait_for(lambda: stats_for(app, rule).sent == 4)
            stats = stats_for(app, rule)
            assert (stats.lane, stats.accepted, stats.open, stats.received) == (lane, 2, 2, 4)
        wait_for(lambda: stats_for(app, rule).open == 0)
        stats = stats_for(app, rule)
        assert (stats.accepted, stats.refused, stats.errors, stats.received, stats.sent) == (2, 0, 0, 4, 4)
        text = httpx.get(f"{url}{PATH}.prom").text
    values = metrics_of(text)
    assert values["aeros_websockets"][0].value == 2
    assert values["aeros_websockets_open"][0].value == 0
    assert values["aeros_websocket_messages_received"][0].labels["rule"] == rule


def test_a_websocket_that_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    app = echo_in_both_lanes()

    @app.websocket("/broken")
    async def broken() -> None:
        await quart.websocket.accept()
        raise RuntimeError("a bug")

    with served(app) as url:
        assert refusal(url, "/nothing").status_code in (403, 404)
        wait_for(lambda: stats_for(app, "(no route)").refused == 1)
        with open_websocket(url, "/broken") as websocket, pytest.raises(ConnectionClosed):
            websocket.recv(timeout=10)
        wait_for(lambda: stats_for(app, "/broken").open == 0)
    assert stats_for(app, "/broken").accepted == 1


def test_requests_of_a_mounted_asgi_application() -> None:
    app = mounted()
    with served(app) as url, httpx.Client(base_url=url) as client:
        assert client.get("/inner/x").text == "inner"
        assert client.get("/inner/nothing").status_code == 404
        assert client.get("/inner/error").status_code == 503
        wait_for(lambda: any(route.requests == 3 for route in app.lane_stats().routes if route.rule == "/inner/*"))
    (route,) = [route for route in app.lane_stats().routes if route.rule == "/inner/*"]
    assert (route.method, route.lane, route.errors, route.view.count) == ("GET", "mount", 1, 3)


def test_a_mount_is_called_as_it_is_while_nobody_watches() -> None:
    app = WebServer("tests.sockets")
    inner: Any = Quart("inner")
    app.mount("/inner", inner)
    assert app.core.around_mount is None
