"""The access log: a line for every response, whoever has made it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart
from fastapi import FastAPI
from flask_sock import Sock  # type: ignore[import-untyped]
from werkzeug.middleware.proxy_fix import ProxyFix

from aeros_compat import AdvancedThread, WebServer
from aeros_compat.logs.access import AccessLog

from ..asgi import ask, http_scope
from ..servers import free_port, is_listening, wait_for
from ..websocket_client import close_of, drop, open_websocket, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from ..conftest import Lane
    from .conftest import Lines


#: So that the bytes of a body can be told beforehand.
PLAIN = {"Accept-Encoding": "identity"}


def test_fields(app: WebServer, lane: Lane, lines: Lines, request: pytest.FixtureRequest) -> None:
    def view() -> str:
        time.sleep(0.05)
        return "hello"

    app.add_url_rule("/x", view_func=lane(view), endpoint="x")
    with lines.of(app) as url:
        httpx.get(url + "/x?q=a%20b")
        line = lines.wait_for_one()
    assert line.pop("duration_ms") >= 50
    assert 0 <= line.pop("wait_ms") < 10_000
    assert line == {
        "client": "127.0.0.1",
        "method": "GET",
        "path": "/x?q=a%20b",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes": 5,
        "lane": "async" if "async" in request.node.name else "sync",
        "route": "/x",
        "worker": os.getpid(),
        "outcome": "complete",
    }


def test_line(app: WebServer, lines: Lines) -> None:
    """Its text, and its fields as attributes of the record, which formatters of other packages look at."""
    app.add_url_rule("/x", view_func=lambda: "hello", endpoint="x")
    with lines.of(app) as url:
        httpx.get(url + "/x")
        lines.wait_for_one()
    record = lines.records[0]
    assert re.fullmatch(
        rf'127\.0\.0\.1 "GET /x HTTP/1\.1" 200 5B [0-9.]+ms sync wait=[0-9.]+ms worker={os.getpid()} complete',
        record.getMessage(),
    )
    assert (vars(record)["status"], vars(record)["lane"], record.levelname) == (200, "sync", "INFO")


def test_time_that_a_request_waits_for_a_thread(lines: Lines) -> None:
    app = WebServer("tests.application", worker_threads=1)
    goes_on = threading.Event()

    @app.get("/x")
    def view() -> str:
        assert goes_on.wait(30)
        return "done"

    with lines.of(app) as url, ThreadPoolExecutor(2) as pool:
        for waiting in (0, 1):
            pool.submit(httpx.get, f"{url}/x", timeout=60)
            wait_for(lambda waiting=waiting: (app.threads.busy, app.threads.waiting) == (1, waiting))  # type: ignore[misc]
        time.sleep(0.3)
        goes_on.set()
        waits = sorted(line["wait_ms"] for line in lines.wait_for(2))
    assert waits[1] >= 300


@pytest.mark.parametrize(
    "expected",
    [
        ("GET", "/missing", 404, 207, "sync"),
        ("POST", "/page", 405, 153, "sync"),
        ("HEAD", "/page", 200, 0, "sync"),
        ("OPTIONS", "/page", 200, 0, "sync"),
        ("GET", "/moved", 302, 197, "async"),
        ("GET", "/broken", 500, 265, "sync"),
        ("GET", "/broken/async", 500, 265, "async"),
        ("GET", "/static/file.txt", 200, 7, "sync"),
        ("GET", "/old/x", 200, 6, "sync"),
        ("GET", "/new/x", 200, 9, "mount"),
        ("GET", "/new/missing", 404, 22, "mount"),
    ],
)
def test_every_response(tmp_path: Path, lines: Lines, expected: tuple[Any, ...]) -> None:
    """At the ASGI level, with the messages that a server is given."""
    app = WebServer("tests.application", static_folder=str(tmp_path), static_url_path="/static")
    (tmp_path / "file.txt").write_text("content")
    _add_views(app)
    app.record_requests()
    method, path, *_ = expected
    sent = asyncio.run(ask(AccessLog(app, app), scope=http_scope(path, method=method)))
    line = lines.wait_for_one()
    assert tuple(line[name] for name in ("method", "path", "status", "bytes", "lane")) == expected
    assert line["outcome"] == "complete"
    assert line["bytes"] == sum(len(message.get("body", b"")) for message in sent)


def _add_views(app: WebServer) -> None:
    old, new = flask.Flask("old"), FastAPI()
    old.add_url_rule("/x", view_func=lambda: "legacy", endpoint="x")

    @new.get("/x")
    async def x() -> str:
        return "fastapi"

    app.mount("/old", old)
    app.mount("/new", new)

    @app.get("/page")
    def page() -> str:
        return "page"

    @app.get("/moved")
    async def moved() -> Any:
        return quart.redirect("/page")

    @app.get("/broken")
    def broken() -> str:
        raise ValueError

    @app.get("/broken/async")
    async def broken_async() -> str:
        raise ValueError


def test_bytes_are_those_that_leave(app: WebServer, lane: Lane, lines: Lines) -> None:
    app.add_url_rule("/x", view_func=lane(lambda: "x" * 100_000), endpoint="x")
    with lines.of(app) as url:
        with httpx.stream("GET", url + "/x", headers={"Accept-Encoding": "gzip"}) as response:
            left = sum(map(len, response.iter_raw()))
        assert lines.wait_for_one()["bytes"] == left < 10_000


def test_preflight_is_answered_before_any_lane(lines: Lines) -> None:
    app = WebServer("tests.application", cors=True)
    app.add_url_rule("/x", view_func=lambda: "x", endpoint="x")
    with lines.of(app) as url:
        httpx.options(url + "/x", headers={"Origin": "http://a", "Access-Control-Request-Method": "GET"})
        line = lines.wait_for_one()
    assert (line["status"], line["lane"], line["client"]) == (200, "none", "127.0.0.1")


def _sync_stream() -> Iterator[bytes]:
    for _ in range(1000):
        yield b"x" * 100
        time.sleep(0.01)


async def _async_stream() -> AsyncIterator[bytes]:
    for _ in range(1000):
        yield b"x" * 100
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("stream", [_sync_stream, _async_stream])
def test_stream_that_the_client_leaves(app: WebServer, lines: Lines, stream: Any) -> None:
    app.add_url_rule("/x", view_func=lambda: app.response_class(stream()) if stream is _sync_stream else stream())
    with lines.of(app) as url:
        with httpx.stream("GET", url + "/x", headers=PLAIN) as response:
            next(response.iter_raw())
        line = lines.wait_for_one()
    assert (line["status"], line["outcome"]) == (200, "disconnected")
    assert 100 <= line["bytes"] < 100_000


def test_stream_to_its_end(app: WebServer, lane: Lane, lines: Lines) -> None:
    app.add_url_rule("/x", view_func=lane(lambda: iter(["a", "bc", "d"])), endpoint="x")
    with lines.of(app) as url:
        httpx.get(url + "/x", headers=PLAIN)
        line = lines.wait_for_one()
    assert (line["bytes"], line["outcome"]) == (4, "complete")


def test_stream_that_breaks(app: WebServer, lane: Lane, lines: Lines) -> None:
    def pieces() -> Iterator[str]:
        yield "a"
        raise ValueError

    app.add_url_rule("/x", view_func=lane(pieces), endpoint="x")
    with lines.of(app) as url:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(url + "/x", headers=PLAIN)
        line = lines.wait_for_one()
    assert (line["status"], line["bytes"], line["outcome"]) == (200, 1, "failed")


def test_upload_that_the_client_breaks_off(app: WebServer, lane: Lane, lines: Lines) -> None:
    app.add_url_rule("/x", view_func=lane(lambda: flask.request.get_data()), methods=["POST"], endpoint="x")
    with lines.of(app) as url:
        with socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0)) as connection:
            connection.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
            time.sleep(0.1)
        line = lines.wait_for_one()
    assert line["outcome"] == "disconnected"
    assert line["status"] in (400, 499)


def test_exception_that_nobody_answers(app: WebServer, lane: Lane, lines: Lines) -> None:
    """``testing`` lets it through: the server answers."""

    def view() -> str:
        raise KeyError("out")

    app.add_url_rule("/x", view_func=lane(view), endpoint="x")
    with lines.of(app) as url:
        assert httpx.get(url + "/x").status_code == 500
        line = lines.wait_for_one()
    assert (line["status"], line["outcome"]) == (500, "failed")


def test_client_behind_a_proxy(app: WebServer, lines: Lines) -> None:
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    _add_views(app)
    with lines.of(app) as url:
        for path in ("/page", "/moved", "/new/x"):
            httpx.get(url + path, headers={"X-Forwarded-For": "192.0.2.7"})
        assert {line["client"] for line in lines.wait_for(3)} == {"192.0.2.7"}


def test_nothing_in_a_line_can_look_like_another(app: WebServer, lines: Lines) -> None:
    """Neither what a server lets through, nor what a proxy says."""
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    app.record_requests()
    scope = http_scope(
        "/",
        method='GET"\r',
        raw_path=b'/\n[2026-01-01] INFO \x1b[2J\x80"\\',
        query_string=b"a=\x00 b",
        headers=[(b"x-forwarded-for", b"evil\x1b\xff\n")],
        client=("127.0.0.1", 1),
    )
    asyncio.run(ask(AccessLog(app, app), scope=scope))
    text = lines.records[0].getMessage()
    assert re.fullmatch(r"[\x20-\x7e]+", text)
    assert text.startswith(
        r'evil\x1b\xff\x0a "GET\x22\x0d /\x0a[2026-01-01]\x20INFO\x20\x1b[2J\x80\x22\x5c?a=\x00\x20b HTTP/1.1" 404 '
    )


def test_filters_see_and_change_the_fields(app: WebServer, lines: Lines) -> None:
    """The recipe of the README: without queries, without health checks."""

    def without_query(record: Any) -> bool:
        record.path = record.args["path"] = record.path.partition("?")[0]
        return bool(record.path != "/health")

    app.add_url_rule("/<x>", view_func=lambda x: x, endpoint="x")
    logger = logging.getLogger("aeros_compat.access")
    logger.addFilter(without_query)
    try:
        with lines.of(app) as url:
            for path in ("/health", "/a?token=secret"):
                httpx.get(url + path)
            assert lines.wait_for_one()["path"] == "/a"
    finally:
        logger.removeFilter(without_query)
    assert "secret" not in lines.records[0].getMessage()


def test_record_factory_of_the_users(app: WebServer, lines: Lines) -> None:
    """Agents add their ids so, and formats count on them; it may use names of ours."""
    before = logging.getLogRecordFactory()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        vars(record).update(trace_id="7", path="theirs")
        return record

    app.add_url_rule("/x", view_func=lambda: "x", endpoint="x")
    logging.setLogRecordFactory(factory)
    try:
        with lines.of(app) as url:
            httpx.get(url + "/x")
            lines.wait_for_one()
    finally:
        logging.setLogRecordFactory(before)
    assert (vars(lines.records[0])["trace_id"], vars(lines.records[0])["path"]) == ("7", "/x")


def test_level_above_switches_it_off(app: WebServer, lines: Lines) -> None:
    app.add_url_rule("/x", view_func=lambda: "x", endpoint="x")
    logging.getLogger("aeros_compat.access").setLevel(logging.WARNING)
    with lines.of(app) as url:
        httpx.get(url + "/x")
    assert lines.records == []


def _with_websockets(app: WebServer) -> None:
    sock = Sock(app)

    @sock.route("/sync")  # type: ignore[untyped-decorator]
    def sync(ws: Any) -> None:
        ws.send(ws.receive())

    @app.websocket("/async")
    async def async_() -> None:
        await quart.websocket.send(await quart.websocket.receive())

    @app.websocket("/refused")
    async def refused() -> Any:
        return flask.Response("no", status=401)

    @app.websocket("/broken")
    async def broken() -> None:
        await quart.websocket.accept()
        raise ValueError


@pytest.mark.parametrize("lane", ["sync", "async"])
def test_websocket(app: WebServer, lines: Lines, lane: str) -> None:
    _with_websockets(app)
    with lines.of(app) as url:
        with open_websocket(url, f"/{lane}?a=1") as websocket:
            (accepted,) = lines.wait_for(1) if lane == "sync" else ({},)
            websocket.send("h\u00e9llo")
            assert websocket.recv() == "h\u00e9llo"
            assert close_of(websocket)[0] == 1000
        accepted, closed = lines.wait_for(2)
    assert (accepted["status"], accepted["outcome"], accepted["protocol"]) == (101, "accepted", "WebSocket")
    assert (closed["status"], closed["outcome"], closed["bytes"]) == (1000, "closed", 6)
    for line in (accepted, closed):
        assert (line["client"], line["path"], line["lane"]) == ("127.0.0.1", f"/{lane}?a=1", lane)
    assert closed["duration_ms"] >= accepted["duration_ms"]


def test_websocket_that_the_client_leaves(app: WebServer, lines: Lines) -> None:
    _with_websockets(app)
    with lines.of(app) as url:
        with open_websocket(url, "/sync") as websocket:
            drop(websocket)
        _, closed = lines.wait_for(2)
    assert closed["status"] in (1005, 1006)  # no close frame, or none with a code
    assert closed["outcome"] == "closed"


def test_websocket_that_fails(app: WebServer, lines: Lines) -> None:
    _with_websockets(app)
    with lines.of(app) as url:
        with open_websocket(url, "/broken") as websocket:
            close_of(websocket)
        _, closed = lines.wait_for(2)
    assert (closed["status"], closed["outcome"]) == (1011, "failed")


def test_websocket_that_is_refused(app: WebServer, lines: Lines) -> None:
    _with_websockets(app)
    with lines.of(app) as url:
        assert refusal(url, "/refused").status_code == 401
        line = lines.wait_for_one()
    assert (line["status"], line["outcome"], line["bytes"], line["lane"]) == (401, "rejected", 2, "async")


def test_two_servers_in_one_process_have_a_log_each(tmp_path: Path) -> None:
    """Of one application or of two; and one file for both, if it is the same."""
    apps = [WebServer("first"), WebServer("second")]
    servers = [(apps[0], "a.log", "both.log"), (apps[0], "b.log", "both.log"), (apps[1], "c.log", "both.log")]
    for app in apps:
        app.add_url_rule("/<path>", "index", lambda path: path)
    for folder, names in (("each", [own for _, own, _ in servers]), ("same", [same for _, _, same in servers])):
        (tmp_path / folder).mkdir()
        paths = [tmp_path / folder / name for name in names]
        with contextlib.ExitStack() as stack:
            ports = [
                stack.enter_context(_running(app, access_log_file=str(path), access_log_to_std=False))
                for (app, _, _), path in zip(servers, paths, strict=True)
            ]
            for port in ports:
                assert httpx.get(f"http://127.0.0.1:{port}/{port}").text == str(port)
        found = [re.findall(r"GET /(\d+)", path.read_text()) for path in paths]
        if folder == "each":
            assert found == [[str(port)] for port in ports]
        else:
            assert found == [[str(port) for port in ports]] * 3


@contextlib.contextmanager
def _running(app: WebServer, **options: Any) -> Iterator[int]:
    """``app.run_server`` on a thread of its own; gives the port."""
    port = free_port()
    thread = AdvancedThread(target=app.run_server, kwargs={"port": port, **options})
    thread.start()
    try:
        wait_for(lambda: is_listening(port))
        yield port
    finally:
        thread.stop(20)
        assert not thread.is_alive()
