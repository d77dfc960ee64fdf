"""What the README of Aeros shows, with this package in the imports: on a real server, as its user would see it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import quart

import aeros_compat
from aeros_compat import AdvancedThread, Compress, FilesystemCache, RedisCache, SimpleCache, WebServer, misc

from .redis_server import redis_server
from .servers import free_port, is_listening, served, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
    together = threading.Barrier(4)

    @misc.sync_to_async
    def sync_method() -> str:
        together.wait(20)
        return "ok"

    @app.route("/")
    async def home() -> Any:
        return quart.jsonify({"response": await sync_method()})

    with served(app) as url, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: httpx.get(url, timeout=30).json(), range(4)))
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

    def ask(path: str) -> str:
        return httpx.get(f"{url}/{path}", timeout=30).text

    with served(app) as url, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, ["page"] * 4)) == ["test"] * 4
        assert [ask(path) for path in ("page", "favicon.ico", "")] == ["test"] * 3
    assert capsys.readouterr().out.splitlines() == ["page", "favicon.ico", ""]


def test_caching_in_memory(capsys: pytest.CaptureFixture[str]) -> None:
    check_caching(SimpleCache(timeout=10, threshold=10), capsys)


def test_caching_in_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_caching(FilesystemCache(str(tmp_path / "cache")), capsys)
    assert list((tmp_path / "cache").iterdir())


def test_caching_in_redis(capsys: pytest.CaptureFixture[str]) -> None:
    with redis_server() as server:
        check_caching(RedisCache("127.0.0.1", server.port), capsys)


@contextlib.contextmanager
def run_on_thread(app: WebServer) -> Iterator[str]:
    """The application, run by itself on a thread that is not the main one; gives its base URL."""
    thread = AdvancedThread(target=app.run_server, daemon=True)
    thread.start()
    wait_for(lambda: is_listening(app.port or 0))
    yield f"http://127.0.0.1:{app.port}"
    thread.stop(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("kind", [AdvancedThread, Thread])
def test_starting_a_server_in_a_separate_thread(kind: type[Thread]) -> None:
    app = WebServer(__name__, host="127.0.0.1", port=free_port(), worker_threads=2)

    @app.route("/")
    async def home() -> str:
        return "from a thread"

    thread = kind(target=app.run_server, daemon=True)
    thread.start()
    wait_for(lambda: is_listening(app.port or 0))
    assert httpx.get(f"http://127.0.0.1:{app.port}").text == "from a thread"
    if isinstance(thread, AdvancedThread):
        thread.stop()
    else:
        app.stop()
        thread.join(20)
    assert not thread.is_alive()
    assert not is_listening(app.port or 0)


def test_custom_global_headers() -> None:
    app = WebServer(__name__, global_headers={"foo": "bar"})

    @app.route("/")
    async def home() -> str:
        return "x"

    with served(app) as url:
        assert httpx.get(url).headers["foo"] == "bar"
        assert httpx.get(f"{url}/missing").headers["foo"] == "bar"


def test_no_server_header() -> None:
    app = WebServer(__name__, include_server_header=False, host="127.0.0.1", port=free_port())
    with run_on_thread(app) as url:
        assert "server" not in httpx.get(url).headers
    app = WebServer(__name__, host="127.0.0.1", port=free_port())
    with run_on_thread(app) as url:
        assert "server" in httpx.get(url).headers


def test_compression() -> None:
    app = WebServer(__name__, host="127.0.0.1", port=free_port(), worker_threads=2)
    app.config["COMPRESS_MIN_SIZE"] = 5
    app.config["COMPRESS_LEVEL"] = 2
    app.config["COMPRESS_MIMETYPES"] = ["text/plain", "text/html", "application/json"]
    Compress(app)

    @app.route("/")
    async def home() -> str:
        return "testing again..."

    @app.route("/short")
    async def short() -> str:
        return "four"

    with run_on_thread(app) as url:
        answer = httpx.get(url, headers={"Accept-Encoding": "gzip"})
        assert (answer.text, answer.headers.get_list("content-encoding")) == ("testing again...", ["gzip"])
        assert "content-encoding" not in httpx.get(f"{url}/short", headers={"Accept-Encoding": "gzip"}).headers
