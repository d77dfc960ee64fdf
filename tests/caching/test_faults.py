"""Redis or the disk gone: requests are served without the cache, and with it again when it is back.

Under load: tests/endurance/faults.py.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx

from aeros_compat import FileSystemCache, RedisCache, WebServer
from aeros_compat.caching import store

from ..redis_server import RedisServer
from ..servers import free_port, served
from .conftest import application

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from ..conftest import Lane


def counted(app: WebServer, lane: Lane) -> Any:
    """A client of an application with one cached view, which counts its calls."""
    count = itertools.count(1)
    app.add_url_rule("/", view_func=app.cache()(lane(lambda: str(next(count)))), endpoint="view")
    return app.test_client()


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_redis_is_not_there_when_the_application_starts(lane: Lane, caplog: pytest.LogCaptureFixture) -> None:
    server = RedisServer()
    app = application(RedisCache("127.0.0.1", server.port))
    client = counted(app, lane)
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]
    assert not app.clear_cache()
    try:
        server.start()
        time.sleep(store.REST_SECONDS)
        assert [client.get("/").text for _ in range(2)] == ["4", "4"]
    finally:
        server.stop()
    (message,) = warnings_in(caplog)
    assert message.startswith("The cache is out of reach (ConnectionError: ")
    assert app.cache_stats().errors > 0


def test_one_warning_a_minute(lane: Lane, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "REST_SECONDS", 0.0)
    app = application(RedisCache("127.0.0.1", free_port()))
    client = counted(app, lane)
    for _ in range(5):
        client.get("/")
    assert len(warnings_in(caplog)) == 1
    monkeypatch.setattr(store, "WARNING_SECONDS", 0.0)
    client.get("/")
    assert len(warnings_in(caplog)) > 1


def test_redis_that_does_not_answer_costs_its_time_once(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener that accepts and says nothing. While it is left alone, no request waits for it."""
    monkeypatch.setattr(store, "REST_SECONDS", 60.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = application(RedisCache("127.0.0.1", silent.getsockname()[1], read_timeout=0.3))
        client = counted(app, lane)
        client.get("/")
        assert [client.get("/").text for _ in range(20)] == [str(number) for number in range(2, 22)]
        assert app.cache_stats().errors == 1


def test_stopped_redis_does_not_block_the_loop(redis_of_test: RedisServer) -> None:
    """SIGSTOP: connections stay open and nothing comes. Other requests of the loop go on meanwhile."""
    app = application(RedisCache("127.0.0.1", redis_of_test.port, read_timeout=3.0))
    app.testing = False

    @app.route("/cached")
    @app.cache()
    async def cached() -> str:
        return "cached"

    @app.route("/other")
    async def other() -> str:
        return "other"

    assert redis_of_test.pid is not None
    with served(app) as url, httpx.Client(base_url=url, timeout=10) as client:
        assert client.get("/cached").text == "cached"
        os.kill(redis_of_test.pid, signal.SIGSTOP)
        try:
            answers: list[str] = []
            slow = threading.Thread(target=lambda: answers.append(httpx.get(f"{url}/cached", timeout=10).text))
            slow.start()
            assert [client.get("/other").text for _ in range(20)] == ["other"] * 20
            assert not answers
            slow.join()
            assert answers == ["cached"]
        finally:
            os.kill(redis_of_test.pid, signal.SIGCONT)


def test_directory_is_removed_and_made_again(tmp_path: Path, lane: Lane, caplog: pytest.LogCaptureFixture) -> None:
    directory = tmp_path / "cache"
    client = counted(application(FileSystemCache(directory)), lane)
    assert [client.get("/").text for _ in range(2)] == ["1", "1"]
    shutil.rmtree(directory)
    assert [client.get("/").text for _ in range(2)] == ["2", "2"]
    assert not warnings_in(caplog)


def test_disk_is_gone_and_comes_back(tmp_path: Path, lane: Lane, caplog: pytest.LogCaptureFixture) -> None:
    """A file in the place of the directory: what even root cannot write to."""
    directory = tmp_path / "cache"
    client = counted(application(FileSystemCache(directory)), lane)
    assert [client.get("/").text for _ in range(2)] == ["1", "1"]
    directory.rename(tmp_path / "unmounted")
    directory.write_text("")
    assert [client.get("/").text for _ in range(3)] == ["2", "3", "4"]
    directory.unlink()
    (tmp_path / "unmounted").rename(directory)
    time.sleep(store.REST_SECONDS)
    assert client.get("/").text == "1", "the entry from before"
    (message,) = warnings_in(caplog)
    assert message.startswith("The cache is out of reach (FileExistsError: ")


def test_an_entry_that_the_backend_refuses_is_served(tmp_path: Path, lane: Lane) -> None:
    app = application(FileSystemCache(tmp_path))
    client = counted(app, lane)
    assert app._caching is not None
    app._caching.store.backend.set = lambda *args, **kwargs: False
    assert [client.get("/").text for _ in range(2)] == ["1", "2"]
    assert app.cache_stats().errors == 1


def test_clearing_while_others_write_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = application(FileSystemCache(tmp_path))
    app.add_url_rule("/<number>", view_func=app.cache()(lambda number: number), endpoint="view")

    def ask(number: int) -> str:
        client = app.test_client()
        texts = {client.get(f"/{number}").text for _ in range(20)}
        app.clear_cache()
        return ",".join(texts)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(40))) == [str(number) for number in range(40)]
    assert app.cache_stats().errors == 0
    assert not warnings_in(caplog)
