"""Entries and tags: over all three kinds of cache, and over entries that somebody else has made."""

from __future__ import annotations

import asyncio
import itertools
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import redis

from aeros_compat import Cache, RedisCache, SimpleCache, WebServer
from aeros_compat.caching.record import MAGIC, Record

from ..redis_server import RedisServer, redis_server
from ..servers import free_port, served, wait_for
from .conftest import application

if TYPE_CHECKING:
    from collections.abc import Callable

    from aeros_compat.caching.store import Lookup

    from ..conftest import Lane


def add_tagged(app: WebServer, lane: Lane) -> None:
    count = itertools.count(1)

    def view(**kwargs: Any) -> str:
        return str(next(count))

    app.add_url_rule("/plain", view_func=app.cache()(lane(view)), endpoint="plain")
    app.add_url_rule("/news", view_func=app.cache(tags=("news", "front page"))(lane(view)), endpoint="news")
    tagged = app.cache(tags=lambda number: (f"article:{number}", "articles"))(lane(view))
    app.add_url_rule("/article/<int:number>", view_func=tagged, endpoint="article")


PATHS = ("/plain", "/news", "/article/1", "/article/2")


def test_tags(cached_app: WebServer, lane: Lane) -> None:
    add_tagged(cached_app, lane)
    client = cached_app.test_client()

    def ask() -> list[int]:
        return [int(client.get(path).text) for path in PATHS]

    assert ask() == ask() == [1, 2, 3, 4]
    assert cached_app.clear_cache(tag="article:1")
    assert ask() == ask() == [1, 2, 5, 4]
    cached_app.clear_cache(tag="front page")
    assert ask() == [1, 6, 5, 4]
    cached_app.clear_cache(tag="articles")
    assert ask() == [1, 6, 7, 8]
    cached_app.clear_cache(tag="nobody has it")
    assert ask() == [1, 6, 7, 8]
    cached_app.clear_cache()
    assert ask() == [9, 10, 11, 12]


@pytest.mark.parametrize("kind", ["files", "redis"])
def test_clearing_reaches_the_other_processes(cache_of: Callable[[], Cache], lane: Lane) -> None:
    apps = [application(cache_of()) for _ in range(2)]
    for app in apps:
        app.add_url_rule("/", view_func=app.cache(tags="tag")(lane(lambda: str(next(count)))), endpoint="view")
    count = itertools.count(1)
    clients = [app.test_client() for app in apps]
    assert [client.get("/").text for client in clients] == ["1", "1"]
    apps[1].clear_cache("tag")
    assert [client.get("/").text for client in clients] == ["2", "2"]
    apps[0].clear_cache()
    assert [client.get("/").text for client in clients] == ["3", "3"]


@pytest.mark.parametrize("tag", [None, "tag"])
def test_what_is_being_computed_from_old_data_is_cleared_too(cached_app: WebServer, tag: str | None) -> None:
    data, begun, go_on = ["old"], threading.Event(), threading.Event()

    @cached_app.route("/")
    @cached_app.cache(tags=["tag"])
    def view() -> str:
        seen = data[0]
        begun.set()
        go_on.wait(10)
        return seen

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: cached_app.test_client().get("/").text)
        assert begun.wait(10)
        data[0] = "new"
        cached_app.clear_cache(tag)
        go_on.set()
        assert first.result() == "old"
    assert cached_app.test_client().get("/").text == "new"


def test_clearing_in_an_async_view_is_awaited(cached_app: WebServer, kind: str) -> None:
    threads: list[str] = []
    assert cached_app._caching is not None
    clear = cached_app._caching.store.clear

    def noting(tag: str | None = None) -> bool:
        threads.append(threading.current_thread().name)
        return clear(tag)

    cached_app._caching.store.clear = noting  # type: ignore[method-assign]
    count = itertools.count(1)

    @cached_app.route("/")
    @cached_app.cache(tags=["tag"])
    async def view() -> str:
        return str(next(count))

    @cached_app.post("/clear")
    async def clearing() -> Any:
        return [await cached_app.clear_cache(tag="tag")]

    with served(cached_app) as url:
        assert [httpx.get(url).text for _ in range(2)] == ["1", "1"]
        assert httpx.post(f"{url}/clear").json() == [True]
        assert httpx.get(url).text == "2"
    assert [name == "test-uvicorn" for name in threads] == [kind == "simple"]


def test_a_tag_that_was_thrown_away_clears_too_much_rather_than_too_little(lane: Lane) -> None:
    """A cleared tag, then so many entries that the backend forgets the tag: the old entry must not come back."""
    app = application(SimpleCache(timeout=300, threshold=1000))
    add_tagged(app, lane)
    client = app.test_client()
    assert client.get("/news").text == "1"
    app.clear_cache("news")
    assert app._caching is not None
    backend = app._caching.store.backend
    for key in list(backend._cache):
        if key.startswith("tag:"):
            backend.delete(key)
    assert client.get("/news").text == "2"


class Vanished:
    """Pickled by its name, which is gone when it is read."""


@pytest.mark.parametrize(
    "entry",
    [
        b"not a record",
        "text",
        None,
        42,
        MAGIC,
        MAGIC + b"{}\n",
        MAGIC + b"[1]\nbody",
        MAGIC + b'{"headers": 1}\n',
        MAGIC.replace(b" 1", b" 0") + b"{}\nbody",
    ],
)
def test_entries_of_another_format_are_misses_and_are_replaced(cached_app: WebServer, lane: Lane, entry: Any) -> None:
    replaces(cached_app, lane, lambda backend, key: backend.set(key, entry, timeout=60))


def replaces(app: WebServer, lane: Lane, spoil: Callable[[Any, str], object]) -> None:
    count = itertools.count(1)
    app.add_url_rule("/", view_func=app.cache()(lane(lambda: str(next(count)))), endpoint="view")
    client = app.test_client()
    assert [client.get("/").text for _ in range(2)] == ["1", "1"]
    keys: list[str] = []
    assert app._caching is not None
    store = app._caching.store
    get = store.get

    def noting(lookup: Lookup) -> Record | None:
        keys.append(lookup.key)
        return get(lookup)

    store.get = noting  # type: ignore[method-assign]
    client.get("/")
    spoil(store.backend, keys[0])
    assert [client.get("/").text for _ in range(2)] == ["2", "2"]
    assert app.cache_stats().errors == 0


def test_entries_that_cannot_be_unpickled(redis_of_test: RedisServer, lane: Lane) -> None:
    broken = pickle.dumps(Vanished()).replace(b"Vanished", b"Vanishes")
    app = application(RedisCache(redis_of_test.url))
    with redis.Redis(port=redis_of_test.port) as client:
        replaces(app, lane, lambda backend, key: client.set(f"aeros_compat:{key}", b"!" + broken))


def test_clear_leaves_the_keys_of_others_alone(redis_of_test: RedisServer, lane: Lane) -> None:
    app = application(RedisCache("127.0.0.1", redis_of_test.port))
    add_tagged(app, lane)
    with redis.Redis(port=redis_of_test.port) as client:
        client.set("of somebody else", "kept")
        app.test_client().get("/plain")
        assert client.dbsize() == 3
        assert all(client.ttl(key) > 0 for key in client.keys("aeros_compat:*"))
        app.clear_cache()
        assert client.get("of somebody else") == b"kept"
        assert client.dbsize() == 1


def test_redis_with_a_user_and_a_database(lane: Lane) -> None:
    users = ("--user", "ada", "on", ">secret", "~*", "+@all", "--user", "default", "off")
    with redis_server("--save", "", *users) as server:
        caches = [
            RedisCache("127.0.0.1", server.port, "secret", db=3, user="ada"),
            RedisCache(f"redis://ada:secret@127.0.0.1:{server.port}/3"),
        ]
        for index, cache in enumerate(caches):
            app = application(cache)
            app.add_url_rule("/", view_func=app.cache()(lane(lambda index=index: str(index))), endpoint="view")
            assert app.test_client().get("/").text == "0", "the second one finds the entry of the first"
            assert app.cache_stats().errors == 0
        with redis.Redis(port=server.port, username="ada", password="secret", db=3) as client:
            assert client.dbsize() == 2


def test_redis_sentinel(lane: Lane, tmp_path: Any) -> None:
    with redis_server() as server:
        configuration = tmp_path / "sentinel.conf"
        configuration.write_text(f"sentinel monitor mymaster 127.0.0.1 {server.port} 1\n")
        with redis_server(str(configuration), "--sentinel") as sentinel:
            app = application(RedisCache(sentinels=[("127.0.0.1", sentinel.port)]))
            add_tagged(app, lane)
            client = app.test_client()
            assert [client.get("/news").text for _ in range(2)] == ["1", "1"]
            app.clear_cache("news")
            assert client.get("/news").text == "2"
            assert app.cache_stats().errors == 0


def test_redis_cluster(lane: Lane) -> None:
    with redis_server("--cluster-enabled", "yes", "--cluster-port", str(free_port())) as server:
        with redis.Redis(port=server.port) as node:
            node.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            wait_for(lambda: b"cluster_state:ok" in node.execute_command("CLUSTER", "INFO"))
        app = application(RedisCache(cluster=[("127.0.0.1", server.port)]))
        add_tagged(app, lane)
        client = app.test_client()
        assert [client.get("/news").text for _ in range(2)] == ["1", "1"]
        app.clear_cache("news")
        assert client.get("/news").text == "2"
        app.clear_cache()
        assert client.get("/news").text == "3"
        assert app.cache_stats().errors == 0


def test_records_survive_encoding() -> None:
    record = Record("200 OK", [("X", "ü"), ("X", "2")], b"\n\x00body\n", 1.5, 0, {"accept": "a"}, {"*": "t"})
    assert Record.decode(record.encode()) == record
    assert record.ttl() == float("inf")


def test_store_is_used_from_an_async_view_of_a_wsgi_server(cached_app: WebServer) -> None:
    """The loop is another one then: nothing may be kept of the first."""

    @cached_app.route("/")
    @cached_app.cache()
    async def view() -> str:
        await asyncio.sleep(0)
        return "x"

    assert cached_app.test_client().get("/").text == "x"
    with served(cached_app) as url:
        assert httpx.get(url).text == "x"
    assert cached_app.test_client().get("/").text == "x"
    assert (cached_app.cache_stats().misses, cached_app.cache_stats().hits) == (2, 1)  # two hosts
