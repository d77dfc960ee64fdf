"""Fixtures: each of the three kinds of cache, over a real Redis where it is one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import redis

from aeros_compat import Cache, FileSystemCache, RedisCache, SimpleCache, WebServer

from ..redis_server import RedisServer, redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def redis_of_test(shared_redis: RedisServer) -> RedisServer:
    """A Redis with nothing in it."""
    with redis.Redis(port=shared_redis.port) as client:
        client.flushall()
    return shared_redis


class Clock:
    """What records take for the time."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that tests can put ahead; backends keep their own time, and drop nothing in a test."""
    clock = Clock()
    monkeypatch.setattr("aeros_compat.caching.record.time", clock)
    return clock


@pytest.fixture(params=["simple", "files", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kinds of cache, one after the other."""
    return str(request.param)


@pytest.fixture
def cache_of(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Cache]:
    """Makes a cache of the kind under test; each call makes one over the same files, or the same Redis."""

    def make() -> Cache:
        if kind == "simple":
            return SimpleCache(timeout=300, threshold=100)
        if kind == "files":
            return FileSystemCache(tmp_path / "cache")
        port = request.getfixturevalue("redis_of_test").port
        return RedisCache("127.0.0.1", port, connect_timeout=10, read_timeout=10)  # the machine may be busy

    return make


@pytest.fixture
def cached_app(cache_of: Callable[[], Cache]) -> WebServer:
    """An application with a cache of the kind under test."""
    return application(cache_of())


def application(cache: Any) -> WebServer:
    app = WebServer("tests.caching.application", cache=cache)
    app.secret_key = "only for tests"
    app.testing = True
    return app
