"""What the README of Aeros shows, with this package in the imports: on a real server, as its user would see it."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import quart

import aeros_compat
from aeros_compat import AdvancedThread, Compress, FilesystemCache, RedisCache, SimpleCache, WebServer, misc

from .redis_server import redis_server
from .servers import free_port, is_listening, served, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_getting_started() -> None:
    app = WebServer(__name__, host="127.0.0.1", port=8080)

    @app.route("/")
    async def home() -> Any:
        return quart.jsonify({"response": "ok"})

    with served(app) as url:
        answer = httpx.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"response": "ok"}


def test_sync_methods_in_async_methods() -> None:
    """The original forgets its ``await``; with it, the sync function holds up nobody else."""
    app = WebServer(__name__)

    @misc.sync_to_async
    def sync_method() -> str:
        time.sleep(0.5)
        return "ok"

    @app.route("/")
    async def home() -> Any:
        return quart.jsonify({"response": await sync_method()})

    with served(app) as url, ThreadPoolExecutor(4) as pool:
        began = time.monotonic()
        answers = list(pool.map(lambda _: httpx.get(url, timeout=10).json(), range(4)))
        assert time.monotonic() - began < 1.5
    assert answers == [{"response": "ok"}] * 4
    assert aeros_compat.sync_to_async is misc.sync_to_async


def check_caching(cache: Any, capsys: pytest.CaptureFixture[str]) -> None:
    app = WebServer(__name__, host="127.0.0.1", port=8080, worker_threads=4, cache=cache)

    @app.route("/")
    @app.route("/<path:path>")
    @app.cache()
    async def index(path: str = "") -> str:
        print(path)
        if path != "favicon.ico":
            await asyncio.sleep(0.3)
        return "test"

    def ask(path: str) -> tuple[str, float]:
        began = time.monotonic()
        return httpx.get(f"{url}/{path}", timeout=10).text, time.monotonic() - began

    with served(app) as url, ThreadPoolExecutor(4) as pool:
        assert [text for text, _ in pool.map(ask, ["page"] * 4)] == ["test"] * 4
        text, seconds = ask("page")
        assert (text, seconds < 0.25) == ("test", True)
        text, seconds = ask("favicon.ico")
        assert (text, seconds < 0.25) == ("test", True)
        ask("")
    assert capsys.readouterr().out.splitlines() == ["page", "favicon.ico", ""]


def test_caching_in_memory(capsys: pytest.CaptureFixture[str]) -> None:
    check_caching(SimpleCache(timeout=10, threshold=10), capsys)


def test_caching_in_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_caching(FilesystemCache(str(tmp_path / "cache")), capsys)
    assert list((tmp_path / "cache").iterdir())


def test_caching_in_redis(capsys: pytest.CaptureFixture[str]) -> None:
    with redis_server() as server:
        check_caching(RedisCache("127.0.0.1", server.port), capsys)


def test_global_headers() -> None:
    app = WebServer(__name__, global_headers={"foo": "bar"})
    with served(app) as url:
        assert httpx.get(url).headers["foo"] == "bar"


def test_no_server_header() -> None:
    app = WebServer(__name__, include_server_header=False)
    port = free_port()
    thread = AdvancedThread(target=app.run_server, kwargs={"port": port}, daemon=True)
    thread.start()
    try:
        wait_for(lambda: is_listening(port))
        assert "server" not in httpx.get(f"http://127.0.0.1:{port}").headers
    finally:
        thread.stop()


def test_compression() -> None:
    app = WebServer(__name__, host="127.0.0.1", port=8080, worker_threads=2)
    app.config["COMPRESS_MIN_SIZE"] = 5  # size in bytes
    app.config["COMPRESS_LEVEL"] = 2
    app.config["COMPRESS_MIMETYPES"] = [
        "text/plain",
        "text/html",
        "text/css",
        "text/scss",
        "text/xml",
        "application/json",
        "application/javascript",
    ]
    Compress(app)

    @app.route("/")
    async def home() -> str:
        return "testing again..."

    with served(app) as url:
        answer = httpx.get(url, headers={"Accept-Encoding": "gzip"})
    assert answer.headers.get_list("content-encoding") == ["gzip"]
    assert answer.text == "testing again..."
