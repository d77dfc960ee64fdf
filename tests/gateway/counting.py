"""An application that says what its process holds: memory, threads, descriptors, tasks, open generators.

Served in a process of its own by the tests of leaks and of memory (``tests.gateway.counting:app``).
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
import quart

from aeros_compat import WebServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

app = WebServer(__name__)
PIECE = b"x" * 65536
open_generators: set[int] = set()


@app.get("/counts")
async def counts() -> Any:
    gc.collect()  # Werkzeug 3.1 leaves the temporary files of a multipart body that was cut off to it
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "tasks": len(asyncio.all_tasks()),
        "generators": len(open_generators),
        "rss": int(status["VmRSS"].split()[0]) * 1024,
        "peak": int(status["VmHWM"].split()[0]) * 1024,
    }


@app.post("/sync/up")
def sync_up() -> str:
    return str(sum(len(piece) for piece in iter(lambda: flask.request.stream.read(65536), b"")))


@app.post("/async/up")
async def async_up() -> str:
    return str(sum([len(piece) async for piece in quart.request.body]))


@app.post("/sync/file")
def sync_file() -> str:
    file = flask.request.files["file"]
    return str(file.seek(0, os.SEEK_END) or file.tell())


@app.post("/async/file")
async def async_file() -> str:
    file = (await quart.request.files)["file"]
    return str(file.stream.seek(0, os.SEEK_END))


def pieces(size: int, pause: float) -> Iterator[bytes]:
    marker = id(flask.request._get_current_object())  # type: ignore[attr-defined]
    open_generators.add(marker)
    try:
        while size > 0:
            yield PIECE[:size]
            size -= len(PIECE)
            if pause:
                time.sleep(min(pause, 0.2))
    finally:
        open_generators.discard(marker)


async def async_pieces(size: int, pause: float) -> AsyncIterator[bytes]:
    marker = object()
    open_generators.add(id(marker))
    try:
        while size > 0:
            yield PIECE[:size]
            size -= len(PIECE)
            if pause:
                await asyncio.sleep(pause)
    finally:
        open_generators.discard(id(marker))


def arguments() -> tuple[int, float]:
    return int(flask.request.args["size"]), float(flask.request.args.get("pause", 0))


@app.get("/sync/down")
def sync_down() -> Any:
    return flask.Response(flask.stream_with_context(pieces(*arguments())), headers={"X-Begun": "yes"})


@app.get("/async/down")
async def async_down() -> Any:
    return async_pieces(*arguments())


@app.get("/mixed/down")
async def mixed_down() -> Any:
    """A sync generator of an async view."""
    return flask.Response(flask.stream_with_context(pieces(*arguments())))


@app.route("/sync/echo", methods=["GET", "POST"])
def sync_echo() -> Any:
    return {"cookies": flask.request.cookies, "body": flask.request.get_data(as_text=True), "client": client()}


@app.route("/async/echo", methods=["GET", "POST"])
async def async_echo() -> Any:
    body = await quart.request.get_data(as_text=True)
    return {"cookies": flask.request.cookies, "body": body, "client": client()}


def client() -> Any:
    return [flask.request.remote_addr, flask.request.environ.get("SERVER_PROTOCOL"), quart.request.remote_addr]


@app.get("/sync/empty")
def sync_empty() -> Any:
    return "", 204


@app.get("/async/empty")
async def async_empty() -> Any:
    return "", 204


@app.get("/sync/wrong")
def sync_wrong() -> Any:
    """A stream that is longer than it says."""
    return flask.Response(iter(["12345", "678"]), headers={"Content-Length": "5"})


@app.get("/async/wrong")
async def async_wrong() -> Any:
    async def longer() -> AsyncIterator[str]:
        yield "123"
        await asyncio.sleep(0.05)
        yield "45678"

    return longer(), {"Content-Length": "5"}


def large_file(size: int) -> Path:
    """A file of holes."""
    path = Path(tempfile.gettempdir()) / f"aeros-compat-{os.getpid()}-{size}"
    if not path.exists():
        with path.open("wb") as file:
            file.truncate(size)
    return path


@app.get("/sync/send")
def sync_send() -> Any:
    return flask.send_file(large_file(arguments()[0]))


@app.get("/async/send")
async def async_send() -> Any:
    return flask.send_file(large_file(arguments()[0]))


@app.after_serving
def remove_files() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"aeros-compat-{os.getpid()}-*"):
        path.unlink()
