"""Websockets on each server that the README names."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from .servers import free_port, process, wait_for
from .websocket_client import close_of, drop, open_websocket, refusal

if TYPE_CHECKING:
    from pathlib import Path

ASGI = {
    "uvicorn, websockets": ["uvicorn", "module:app", "--port", "{port}", "--ws", "websockets-sansio"],
    "uvicorn, wsproto": ["uvicorn", "module:app", "--port", "{port}", "--ws", "wsproto"],
    "hypercorn": ["hypercorn", "module:app", "--bind", "127.0.0.1:{port}"],
    "granian": ["granian", "--interface", "asgi", "--port", "{port}", "module:app"],
    "gunicorn, uvicorn": ["gunicorn", "module:app", "--bind", "127.0.0.1:{port}", "-k", "uvicorn_worker.UvicornWorker"],
}
WSGI = {
    "gunicorn, gthread": ["gunicorn", "module:app", "--bind", "127.0.0.1:{port}", "--threads", "4"],
    "gunicorn, sync": ["gunicorn", "module:app", "--bind", "127.0.0.1:{port}"],
}

MODULE = """
import asyncio, pathlib
import flask, quart
from flask_sock import Sock
from aeros_compat import WebServer

app = WebServer(__name__)
log = pathlib.Path(__file__).with_name("log")

@app.before_websocket
def before():
    flask.g.path = flask.request.path
    if flask.request.path == "/refuse":
        return {"no": "entry"}, 401

@app.teardown_appcontext
def teardown(exc):
    if "path" in flask.g:
        with log.open("a") as file:
            file.write(f"{flask.g.path} {type(exc).__name__}\\n")

@app.websocket("/echo")
async def echo():
    await quart.websocket.accept({"X-Mine": "yes"})
    while (message := await quart.websocket.receive()) != "end":
        await quart.websocket.send(message)

@app.websocket("/close")
async def close():
    await quart.websocket.accept()
    await quart.websocket.close(4001, "enough")

@app.websocket("/ticker")
async def ticker():
    while True:
        await quart.websocket.send("tick")
        await asyncio.sleep(0.01)

@app.websocket("/refuse")
async def refuse():
    raise AssertionError("not reached")

@app.websocket("/fail")
async def fail():
    await quart.websocket.accept()
    raise ValueError("a failure of the view")

@app.get("/page")
def page():
    return "page"

@Sock(app).route("/sock")
def sock(ws):
    while (message := ws.receive()) != "end":
        ws.send(message)
"""


def _command(template: list[str], port: int) -> list[str]:
    return [part.format(port=port) for part in template]


@pytest.mark.parametrize("command", ASGI.values(), ids=ASGI.keys())
def test_asgi_servers(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(MODULE)
    log = tmp_path / "log"
    port = free_port()
    with process(*_command(command, port), port=port, cwd=tmp_path) as url:
        for path in ("/echo", "/sock"):
            with open_websocket(url, path, max_size=None) as websocket:
                for message in ("text", "ä" * 70_000, b"\x00\xff", b"x" * 1_000_000):
                    websocket.send(message)
                    assert websocket.recv() == message
                websocket.send("end")
                assert close_of(websocket) == (1000, "")
        with open_websocket(url, "/echo") as websocket:
            assert websocket.response is not None
            # granian 2.8 sends no headers with its acceptance.
            assert websocket.response.headers.get("X-Mine") == (None if command[0] == "granian" else "yes")
        with open_websocket(url, "/close") as websocket:
            assert close_of(websocket) == (4001, "enough")
        with open_websocket(url, "/fail") as websocket:
            assert close_of(websocket) == (1011, "")
        assert refusal(url, "/refuse").status_code == 401
        assert refusal(url, "/nothing").status_code == 404
        with open_websocket(url, "/ticker") as websocket:
            assert websocket.recv() == "tick"
            drop(websocket)
        wait_for(lambda: "/ticker CancelledError\n" in log.read_text())
    lines = log.read_text().splitlines()
    assert sorted(lines) == sorted(
        [
            "/echo NoneType",
            "/echo CancelledError",
            "/close NoneType",
            "/fail ValueError",
            "/refuse NoneType",
            "/nothing NoneType",
            "/ticker CancelledError",
        ]
    )


@pytest.mark.parametrize("command", WSGI.values(), ids=WSGI.keys())
def test_wsgi_servers_serve_sync_views_on_their_own_socket(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(MODULE)
    port = free_port()
    with process(*_command(command, port), port=port, cwd=tmp_path) as url:
        for _ in range(2):
            with open_websocket(url, "/sock", max_size=None) as websocket:
                for message in ("text", b"\x00\xff", b"x" * 1_000_000):
                    websocket.send(message)
                    assert websocket.recv() == message
                websocket.send("end")
                assert close_of(websocket) == (1000, "")
        assert refusal(url, "/nothing").status_code == 404
        assert refusal(url, "/echo").status_code == 400  # an async view is for ASGI servers


def test_what_serves_websockets_is_installed() -> None:
    """Without it uvicorn answers every handshake with 400, and says so only in its log."""
    import uvicorn

    config = uvicorn.Config("module:app")
    config.load_app = lambda: None  # type: ignore[method-assign]
    config.load()
    assert config.ws_protocol_class is not None
    assert "websockets" in sys.modules
