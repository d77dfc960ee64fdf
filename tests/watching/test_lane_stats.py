"""What ``app.lane_stats()`` counts, over real requests in both lanes."""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
from flask.views import MethodView
from werkzeug.middleware.proxy_fix import ProxyFix

from aeros_compat import WebServer
from aeros_compat.gateway.connection import HTTPConnection
from aeros_compat.lanes.choice import lane_of

from ..servers import served, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from aeros_compat.watching.tally import RouteStats

    from ..conftest import Lane


def watched(**options: Any) -> WebServer:
    return WebServer("tests.watched", watch=True, **options)


def stats_for(app: WebServer, rule: str, method: str = "GET") -> RouteStats | None:
    found = [route for route in app.lane_stats().routes if (route.rule, route.method) == (rule, method)]
    assert len(found) <= 1
    return found[0] if found else None


def wait_for_requests(app: WebServer, rule: str, count: int, method: str = "GET") -> RouteStats:
    """The client has its answer a moment before the request has ended."""
    wait_for(lambda: (route := stats_for(app, rule, method)) is not None and route.requests == count)
    route = stats_for(app, rule, method)
    assert route is not None
    return route


def test_requests_and_time_of_a_route(lane: Lane) -> None:
    app = watched()

    def view() -> str:
        time.sleep(0.05)
        return "ok"

    app.add_url_rule("/x", view_func=lane(view), endpoint="x")
    with served(app) as url, httpx.Client(base_url=url) as client:
        for _ in range(3):
            client.get("/x").raise_for_status()
        route = wait_for_requests(app, "/x", 3)
    assert (route.endpoint, route.errors, route.view.count) == ("x", 0, 3)
    assert 0.15 <= route.view.total < 3
    assert 0.05 <= route.view.longest <= route.view.total
    assert 0.02 < route.view.p50 <= route.view.p95 <= route.view.longest


def test_lanes_and_hops_are_told_apart() -> None:
    app = watched()
    app.add_url_rule("/sync", view_func=a_sync_view)
    app.add_url_rule("/async", view_func=an_async_view)
    app.teardown_request(lambda error: None)
    with served(app) as url, httpx.Client(base_url=url) as client:
        client.get("/sync")
        client.get("/async")
        sync, async_ = wait_for_requests(app, "/sync", 1), wait_for_requests(app, "/async", 1)
    assert (sync.lane, sync.hops, sync.wait.count) == ("sync", 1, 1)
    assert (async_.lane, async_.hops, async_.wait.count) == ("async", 1, 1)


def test_an_async_view_without_hooks_waits_for_no_thread() -> None:
    app = watched()

    async def view() -> str:
        await asyncio.sleep(0.05)
        return "ok"

    app.add_url_rule("/x", view_func=view, endpoint="x")
    with served(app) as url:
        httpx.get(f"{url}/x")
        route = wait_for_requests(app, "/x", 1)
    assert (route.hops, route.wait.count) == (0, 0)
    assert route.view.total >= 0.04


def test_wait_for_a_thread_is_no_time_in_the_view() -> None:
    """Two requests share one thread: the second waits for as long as the first works."""
    app = watched(worker_threads=1)
    begun, go_on = threading.Event(), threading.Event()

    @app.get("/slow")
    def slow() -> str:
        begun.set()
        go_on.wait(20)
        return "ok"

    with served(app) as url:
        threads = [threading.Thread(target=httpx.get, args=(f"{url}/slow",)) for _ in range(2)]
        for thread in threads:
            thread.start()
        begun.wait(20)  # before, it may be the first one that waits
        wait_for(lambda: app.lane_stats().threads.waiting == 1)
        assert app.lane_stats().threads.busy == 1
        time.sleep(0.3)
        go_on.set()
        for thread in threads:
            thread.join()
        route = wait_for_requests(app, "/slow", 2)
    # One was in the view and one waited, for the same time: neither counts twice.
    assert route.wait.longest >= 0.3
    assert route.view.longest >= 0.3
    assert route.view.total < 1.5 * route.view.longest
    wait_for(lambda: app.lane_stats().threads.busy == 0)


def test_errors_are_answers_from_500_on(lane: Lane) -> None:
    app = watched()
    app.logger.disabled = True

    def view(status: int) -> Any:
        if status == 500:
            raise RuntimeError("a bug")
        return "no", status

    app.add_url_rule("/<int:status>", view_func=lane(view), endpoint="x")
    try:
        with served(app) as url, httpx.Client(base_url=url) as client:
            for status in (200, 404, 499, 500, 503):
                assert client.get(f"/{status}").status_code == status
            assert wait_for_requests(app, "/<int:status>", 5).errors == 2
    finally:
        app.logger.disabled = False


def test_a_propagated_exception_is_an_error(lane: Lane) -> None:
    app = watched()
    app.testing = True

    def view() -> str:
        raise RuntimeError("a bug")

    app.add_url_rule("/x", view_func=lane(view), endpoint="x")
    with pytest.raises(RuntimeError, match="a bug"):
        app.test_client().get("/x")
    assert wait_for_requests(app, "/x", 1).errors == 1


def test_time_of_a_stream_is_not_time_in_the_view() -> None:
    """The client may be slow."""
    app = watched()

    @app.get("/stream")
    def stream() -> Any:
        def pieces() -> Any:
            for _ in range(4):
                yield "piece"
                time.sleep(0.2)

        return flask.Response(pieces())

    with served(app) as url, httpx.stream("GET", f"{url}/stream") as response:
        wait_for(lambda: app.lane_stats().threads.kept == 1)
        assert response.read() == b"piece" * 4
        route = wait_for_requests(app, "/stream", 1)
        wait_for(lambda: app.lane_stats().threads.kept == 0)
    assert route.view.total < 0.6
    assert route.hops >= 2


def test_leases_are_held_while_an_async_request_has_a_thread() -> None:
    app = watched()
    app.before_request(lambda: None)
    go_on = threading.Event()

    @app.get("/x")
    async def view() -> str:
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        return "ok"

    with served(app) as url:
        thread = threading.Thread(target=httpx.get, args=(f"{url}/x",))
        thread.start()
        wait_for(lambda: app.lane_stats().threads.leases == 1)
        go_on.set()
        thread.join()
        wait_for(lambda: app.lane_stats().threads.leases == 0)


def test_what_has_no_route_is_counted_together() -> None:
    """A client that invents paths and methods costs no memory."""
    app = watched()
    client = app.test_client()  # uvicorn with httptools refuses such methods, other servers pass them on
    for number in range(5):
        client.get(f"/nothing/{number}")
        client.open("/nothing", method=f"INVENTED{number}")
    wait_for_requests(app, "(no route)", 5)
    wait_for_requests(app, "(no route)", 5, "(other)")


def test_a_mounted_wsgi_application_is_one_route() -> None:
    app = watched()
    inner = flask.Flask("inner")
    inner.add_url_rule("/x", view_func=lambda: "inner")
    app.mount("/inner", inner)
    with served(app) as url:
        assert httpx.get(f"{url}/inner/x").text == "inner"
        assert wait_for_requests(app, "/inner/*", 1).lane == "sync"


def test_methods_of_a_route_are_counted_apart() -> None:
    app = watched()
    app.add_url_rule("/x", view_func=lambda: "ok", endpoint="x", methods=["GET", "POST"])
    client = app.test_client()
    client.get("/x")
    client.head("/x")
    client.post("/x")
    client.post("/x")
    for method, count in (("GET", 1), ("HEAD", 1), ("POST", 2)):
        wait_for_requests(app, "/x", count, method)


def test_saturation_over_time() -> None:
    app = watched(worker_threads=2)
    go_on = threading.Event()

    @app.get("/slow")
    def slow() -> str:
        go_on.wait(30)
        return "ok"

    with served(app) as url:
        thread = threading.Thread(target=httpx.get, args=(f"{url}/slow",), kwargs={"timeout": 40})
        thread.start()
        wait_for(lambda: len(app.lane_stats().samples) >= 3)
        go_on.set()
        thread.join()
        stats = app.lane_stats()
    assert 0.4 < stats.samples[1].saturation <= 0.5  # one thread of two, all the time
    assert stats.threads.busy_seconds > 1.5
    assert all(0 <= sample.saturation <= 1 for sample in stats.samples)


# Lanes, and why.


def sync_decorator(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return wrapper


async def an_async_view() -> str:
    return "async"


def a_sync_view() -> str:
    return "sync"


class Mixed(MethodView):
    async def get(self) -> str:
        return "get"

    def post(self) -> str:
        return "post"


class Decorated(Mixed):
    decorators = [sync_decorator]


class WithDecoratedMethod(MethodView):
    @sync_decorator
    async def get(self) -> str:
        return "get"


class Middleware:
    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


class Overriding(WebServer):
    def dispatch_request(self) -> Any:
        return super().dispatch_request()


def lane_and_reason(app: WebServer) -> tuple[str, str]:
    route = stats_for(app, "/x")
    assert route is not None
    return route.lane, route.reason


def test_a_sync_decorator_is_named() -> None:
    app = WebServer("tests.watched")
    app.add_url_rule("/x", view_func=sync_decorator(an_async_view), endpoint="x")
    assert lane_and_reason(app) == ("async on a thread", f"sync decorator {__name__}.sync_decorator")


def test_wsgi_middleware_is_named() -> None:
    app = WebServer("tests.watched")
    app.add_url_rule("/x", view_func=an_async_view, endpoint="x")
    app.wsgi_app = Middleware(app.wsgi_app)  # type: ignore[method-assign]
    assert lane_and_reason(app) == ("async on a thread", f"WSGI middleware {__name__}.Middleware")


def test_proxy_fix_keeps_no_view_on_a_thread() -> None:
    app = WebServer("tests.watched")
    app.add_url_rule("/x", view_func=an_async_view, endpoint="x")
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    assert lane_and_reason(app) == ("async", "")


def test_an_overridden_method_is_named() -> None:
    app = Overriding("tests.watched")
    app.add_url_rule("/x", view_func=an_async_view, endpoint="x")
    assert lane_and_reason(app) == ("async on a thread", "overridden method dispatch_request")


@pytest.mark.parametrize(
    ("view", "method"),
    [
        (a_sync_view, "GET"),
        (an_async_view, "GET"),
        (sync_decorator(an_async_view), "GET"),
        (sync_decorator(a_sync_view), "GET"),
        (Mixed.as_view("mixed"), "GET"),
        (Mixed.as_view("mixed"), "POST"),
        (Decorated.as_view("decorated"), "GET"),
        (Decorated.as_view("decorated"), "POST"),
        (WithDecoratedMethod.as_view("method"), "GET"),
    ],
)
@pytest.mark.parametrize("encloses", [False, True])
def test_the_lane_that_is_told_is_the_lane_that_is_taken(view: Any, method: str, encloses: bool) -> None:
    app = watched()
    app.add_url_rule("/x", view_func=view, endpoint="x", methods=["GET", "POST"])
    if encloses:
        app.wsgi_app = Middleware(app.wsgi_app)  # type: ignore[method-assign]
    assert app.test_client().open("/x", method=method).status_code == 200
    wait_for_requests(app, "/x", 1, method)
    assert app.watch is not None
    (taken,) = [route.lane for route in app.watch.routes()]
    told, reason = lane_of(app, view, method)
    assert taken == ("async" if told == "async" else "sync")
    assert bool(reason) == (told == "async on a thread")


@pytest.mark.parametrize(
    ("view", "method", "lane"),
    [
        (Decorated.as_view("decorated"), "GET", "async on a thread"),
        (Decorated.as_view("decorated"), "HEAD", "async on a thread"),
        (Decorated.as_view("decorated"), "POST", "sync"),
        (WithDecoratedMethod.as_view("method"), "GET", "async on a thread"),
    ],
)
def test_async_methods_behind_sync_decorators(view: Any, method: str, lane: str) -> None:
    reason = "" if lane == "sync" else f"sync decorator {__name__}.sync_decorator"
    assert lane_of(watched(), view, method) == (lane, reason)


# On and off.


def test_off_is_the_plain_connection() -> None:
    """Nothing is asked on the way of a request: it meets the same class as without this feature."""
    app = WebServer("tests.watched")
    app.add_url_rule("/x", view_func=a_sync_view, endpoint="x")
    assert app.test_client().get("/x").text == "sync"
    assert app.core.asgi_http_class is HTTPConnection
    stats, route = app.lane_stats(), stats_for(app, "/x")
    assert not stats.watched
    assert stats.samples == ()
    assert route is not None
    assert (route.requests, route.lane) == (0, "sync")


def watchdogs() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "aeros-watchdog"}


def test_no_watchdog_while_nobody_watches() -> None:
    app = WebServer("tests.watched")
    app.add_url_rule("/x", view_func=a_sync_view)
    before = watchdogs()
    with served(app) as url:
        httpx.get(f"{url}/x")
        assert watchdogs() <= before


def test_the_watchdog_ends_with_its_loop() -> None:
    app = watched()
    app.add_url_rule("/x", view_func=a_sync_view)
    before = watchdogs()
    with served(app) as url:
        httpx.get(f"{url}/x")
        (watchdog,) = watchdogs() - before
    wait_for(lambda: not watchdog.is_alive())


def test_a_watched_application_is_freed(lane: Lane) -> None:
    app = watched()
    app.add_url_rule("/x", view_func=lane(lambda: "ok"), endpoint="x")
    app.test_client().get("/x")
    alive = weakref.ref(app)
    del app
    wait_for(lambda: gc.collect() >= 0 and alive() is None)


def test_a_watched_request_is_freed_without_the_garbage_collector(lane: Lane) -> None:
    app = watched()
    requests: list[weakref.ref[Any]] = []

    def view() -> str:
        requests.append(weakref.ref(flask.request._get_current_object()))  # type: ignore[attr-defined]
        return "ok"

    app.add_url_rule("/x", view_func=lane(view), endpoint="x")
    with served(app) as url:
        gc.disable()
        try:
            httpx.get(f"{url}/x")
            wait_for(lambda: requests[0]() is None)
        finally:
            gc.enable()


def test_counts_of_two_servers_add_up() -> None:
    app = watched()
    app.add_url_rule("/x", view_func=a_sync_view)
    with served(app) as first, served(app) as second:
        for url in (first, second, first):
            httpx.get(f"{url}/x")
        wait_for_requests(app, "/x", 3)


def test_every_request_of_many_is_counted(lane: Lane) -> None:
    app = watched()
    app.add_url_rule("/x", view_func=lane(lambda: "ok"), endpoint="x")

    def ask(url: str) -> None:
        with httpx.Client(base_url=url) as client:
            for _ in range(150):
                client.get("/x").raise_for_status()

    with served(app) as url:
        threads = [threading.Thread(target=ask, args=(url,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        route = wait_for_requests(app, "/x", 600)
    assert route.view.count == sum(route.view.buckets) == 600


def test_as_dict_can_be_written_as_json() -> None:
    app = watched()
    app.add_url_rule("/x", view_func=a_sync_view)
    app.test_client().get("/x")
    stats = app.lane_stats()
    tree = json.loads(json.dumps(stats.as_dict()))
    assert (tree["name"], tree["threads"]["workers"]) == ("tests.watched", 8)
    assert [route["rule"] for route in tree["routes"]] == [route.rule for route in stats.routes]


def test_a_client_that_leaves_is_counted_and_is_no_error(lane: Lane) -> None:
    app = watched()

    def view() -> str:
        time.sleep(0.5)
        return "ok"

    app.add_url_rule("/x", view_func=lane(view), endpoint="x")
    with served(app) as url:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{url}/x", timeout=0.2)
        assert wait_for_requests(app, "/x", 1).errors == 0
