"""A user's own flask-caching objects: ``cached``, ``memoize`` and template fragments, in both lanes.

With ``flask_caching.Cache`` an async view under ``cached`` is a sync callable, and takes a worker thread; a memoized
coroutine function cannot be called on the loop. ``aeros_compat.Cache`` is the same class without these limits.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

import flask
import flask_caching
import httpx
import pytest
import quart
from flask_caching import cache_view_hit, cache_view_miss

from aeros_compat import Cache, WebServer
from aeros_compat.callables import is_async

from ..servers import served

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..conftest import Lane


@pytest.fixture
def settings(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    if kind == "simple":
        return {"CACHE_TYPE": "SimpleCache"}
    if kind == "files":
        return {"CACHE_TYPE": "FileSystemCache", "CACHE_DIR": str(tmp_path / "cache")}
    return {"CACHE_TYPE": "RedisCache", "CACHE_REDIS_PORT": request.getfixturevalue("redis_of_test").port}


@pytest.fixture(params=[flask_caching.Cache, Cache], ids=["flask_caching", "aeros_compat"])
def cache_class(request: pytest.FixtureRequest) -> Any:
    return request.param


def texts(app: WebServer, *paths: str) -> list[str]:
    client = app.test_client()
    return [client.get(path).text for path in paths]


def test_cached_views(app: WebServer, lane: Lane, cache_class: Any, settings: dict[str, Any]) -> None:
    cache = cache_class(app, config=settings)

    count = itertools.count(1)
    view = cache.cached(timeout=50, query_string=True)(lane(lambda: str(next(count))))
    app.add_url_rule("/", view_func=view, endpoint="view")
    assert texts(app, "/?a=1", "/?a=1", "/?a=2", "/?a=1") == ["1", "1", "2", "1"]
    with app.app_context():
        cache.delete_cached(view, "/", {"a": "1"})
    assert texts(app, "/?a=1", "/?a=2") == ["3", "2"]
    with served(app) as url:
        assert httpx.get(f"{url}/?a=1").text == "3"


def test_cached_view_stays_in_its_lane(app: WebServer, lane: Lane, settings: dict[str, Any]) -> None:
    cache = Cache(app, config=settings)
    threads: list[str] = []

    def view() -> str:
        threads.append(threading.current_thread().name)
        return "x"

    decorated = cache.cached()(lane(view))
    app.add_url_rule("/", view_func=decorated, endpoint="view")
    with served(app) as url:
        assert [httpx.get(url).text for _ in range(2)] == ["x", "x"]
    assert len(threads) == 1
    assert (threads == ["test-uvicorn"]) == is_async(decorated)


def test_backends_that_block_are_called_on_threads(app: WebServer, settings: dict[str, Any], kind: str) -> None:
    threads: list[str] = []

    class Noting(Cache):
        def get(self, key: str) -> Any:
            threads.append(threading.current_thread().name)
            return super().get(key)

    cache = Noting(app, config=settings)

    @app.route("/")
    @cache.cached()
    async def view() -> str:
        return "x"

    with served(app) as url:
        assert [httpx.get(url).text for _ in range(2)] == ["x", "x"]
    assert [name == "test-uvicorn" for name in threads] == [kind == "simple"] * 2


def test_memoized_coroutine_functions(app: WebServer, settings: dict[str, Any]) -> None:
    cache = Cache(app, config=settings)
    calls: list[Any] = []

    @cache.memoize(timeout=50)
    async def add(a: int, b: int = 2) -> int:
        await asyncio.sleep(0)
        calls.append((a, b))
        return a + b

    class Adder:
        @cache.memoize()
        async def add(self, b: int) -> int:
            calls.append(b)
            return b + 1

        def __repr__(self) -> str:
            return "adder"

    @app.route("/<int:a>")
    async def view(a: int) -> Any:
        return [await add(a), await add(a, b=2), await add(a, 3), await Adder().add(a), await Adder().add(a)]

    @app.route("/forget/<int:a>")
    async def forget(a: int) -> str:
        await asyncio.to_thread(flask.copy_current_request_context(lambda: cache.delete_memoized(add, a)))
        return "ok"

    client = app.test_client()
    for _ in range(2):
        assert client.get("/1").json == [3, 3, 4, 2, 2]
    assert calls == [(1, 2), (1, 3), 1]
    client.get("/forget/1")
    assert client.get("/1").json == [3, 3, 4, 2, 2]
    assert calls == [(1, 2), (1, 3), 1, (1, 2)]
    with app.app_context():
        cache.delete_memoized(add)
    assert client.get("/1").json == [3, 3, 4, 2, 2]
    assert calls[4:] == [(1, 2), (1, 3)]


def test_a_coroutine_function_that_flask_caching_itself_memoizes_is_for_sync_views(app: WebServer) -> None:
    """On the loop its sync wrapper would have to wait there: asgiref refuses."""
    cache = flask_caching.Cache(app, config={"CACHE_TYPE": "SimpleCache"})

    @cache.memoize()
    async def function() -> str:
        return "x"

    app.add_url_rule("/sync", view_func=lambda: function(), endpoint="sync")

    @app.route("/async")
    async def view() -> Any:
        return await function()

    with pytest.raises(RuntimeError, match="AsyncToSync"):
        app.test_client().get("/async")
    assert texts(app, "/sync") == ["x"]


def test_what_was_memoized_from_old_data_is_deleted_while_it_is_computed(app: WebServer) -> None:
    cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    data, begun = ["old"], asyncio.Event()

    @cache.memoize()
    async def read() -> str:
        seen = data[0]
        begun.set()
        await asyncio.sleep(0.1)
        return seen

    @app.route("/")
    async def view() -> Any:
        reading = asyncio.create_task(read())
        await begun.wait()
        data[0] = "new"
        cache.delete_memoized(read)
        return [await reading, await read()]

    assert app.test_client().get("/").json == ["old", "new"]


@pytest.mark.parametrize("decorator", ["cached", "memoize"])
def test_arguments_of_flask_caching(app: WebServer, lane: Lane, decorator: str) -> None:
    cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    asked: list[str] = []

    def asking(name: str) -> Callable[[], bool]:
        def ask() -> bool:
            asked.append(name)
            return flask.request.args.get("do") == name

        return ask

    decorate = getattr(cache, decorator)(
        50,
        unless=asking("unless"),
        forced_update=asking("forced_update"),
        is_stale=lambda value: flask.request.args.get("do") == "is_stale",
        response_filter=lambda value: value != "4",
    )
    count = itertools.count(1)
    decorated = decorate(lane(lambda: str(next(count))))
    app.add_url_rule("/", view_func=decorated, endpoint="view")
    paths = ("/", "/", "/?do=unless", "/", "/?do=forced_update", "/", "/?do=is_stale", "/")
    assert texts(app, *paths) == ["1", "1", "2", "1", "3", "3", "4", "3"]
    assert asked.count("unless") == len(paths), "asked once for each request"
    assert decorated.cache_timeout == 50
    decorated.cache_timeout = 3
    assert texts(app, "/?do=forced_update", "/") == ["5", "5"]
    time.sleep(3.1)
    assert texts(app, "/") == ["6"]


def test_signals_are_sent_once(app: WebServer, lane: Lane) -> None:
    cache = Cache(app, config={"CACHE_TYPE": "SimpleCache", "CACHE_ENABLE_SIGNALS": True})
    app.add_url_rule("/", view_func=cache.cached()(lane(lambda: "x")), endpoint="view")
    seen: list[str] = []

    def miss(sender: Any, **kwargs: Any) -> None:
        seen.append("miss")

    def hit(sender: Any, **kwargs: Any) -> None:
        seen.append("hit")

    with cache_view_miss.connected_to(miss), cache_view_hit.connected_to(hit):
        texts(app, "/", "/")
    assert seen == ["miss", "hit"]


def test_raised_errors_and_generators(app: WebServer, lane: Lane) -> None:
    """flask-caching stores both."""
    cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    count = itertools.count(1)

    def missing() -> Any:
        flask.abort(404, description=str(next(count)))

    app.add_url_rule("/404", view_func=cache.cached()(lane(missing)), endpoint="missing")
    pieces = lane(lambda: (str(next(count)) for _ in range(2)))
    app.add_url_rule("/pieces", view_func=cache.cached()(pieces), endpoint="pieces")
    first, second, *streams = texts(app, "/404", "/404", "/pieces", "/pieces")
    assert first == second
    assert "1" in first
    assert streams == ["23", "23"]


def test_outage_is_served_without_the_cache(app: WebServer, lane: Lane, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Cache):
        def get(self, key: str) -> Any:
            raise ConnectionError("gone")

        def set(self, key: str, value: Any, timeout: Any = None) -> bool | None:
            raise ConnectionError("gone")

    cache = Broken(app, config={"CACHE_TYPE": "SimpleCache"})
    count = itertools.count(1)
    app.add_url_rule("/", view_func=cache.cached()(lane(lambda: str(next(count)))), endpoint="view")
    assert texts(app, "/", "/") == ["1", "2"]


TEMPLATE = "{% cache 50, 'name', request.args['q'] %}{{ number() }}{% endcache %} {{ number() }}"


def test_template_fragments(app: WebServer, cache_class: Any, settings: dict[str, Any], lane: Lane) -> None:
    cache_class(app, config=settings)
    count = itertools.count(1)
    app.jinja_env.globals["number"] = lambda: next(count)
    app.add_url_rule("/", view_func=lane(lambda: flask.render_template_string(TEMPLATE)), endpoint="view")
    assert texts(app, "/?q=a", "/?q=a", "/?q=b") == ["1 2", "1 3", "4 5"]


def test_template_fragments_that_quart_renders(app: WebServer, settings: dict[str, Any]) -> None:
    Cache(app, config=settings)
    count = itertools.count(1)

    async def number() -> int:
        return next(count)

    app.jinja_env.globals["number"] = number

    @app.route("/")
    async def view() -> str:
        return await quart.render_template_string(TEMPLATE)

    @app.route("/forget")
    async def forget() -> str:
        return await quart.render_template_string("{% cache 'del', 'name', 'a' %}{{ number() }}{% endcache %}")

    assert texts(app, "/?q=a", "/?q=a", "/?q=b", "/forget", "/?q=a") == ["1 2", "1 3", "4 5", "6", "7 8"]


def test_outside_of_a_webserver() -> None:
    """In a plain Flask application the class is flask-caching's."""
    app = flask.Flask(__name__)
    cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    count = itertools.count(1)

    @app.route("/")
    @cache.cached()
    async def view() -> str:
        return str(next(count))

    client = app.test_client()
    assert [client.get("/").text for _ in range(2)] == ["1", "1"]
