"""``stale_while_revalidate``: the old response at once, a new one from one request in the background."""

from __future__ import annotations

import itertools
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest

from aeros_compat import SimpleCache, WebServer

from ..servers import served, wait_for
from .conftest import application
from .test_single_flight import ask_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from aeros_compat import Cache

    from ..conftest import Lane
    from .conftest import Clock


@pytest.fixture
def app() -> WebServer:
    return application(SimpleCache(timeout=300, threshold=100))


def numbered(app: WebServer, lane: Lane, seconds: float = 0.0, **options: Any) -> list[int]:
    """A view that counts; the list has its calls."""
    calls: list[int] = []

    def view() -> str:
        calls.append(len(calls) + 1)
        number = len(calls)
        time.sleep(seconds)
        return f"{number} {flask.request.args.get('q', '')} {flask.g.get('opened', '')}"

    decorated = app.cache(timeout=60, response_hit_indication=True, **options)(lane(view))
    app.add_url_rule("/", view_func=decorated, endpoint="view")
    return calls


def test_stale_entries_are_served_while_one_request_renews_them(
    cached_app: WebServer, lane: Lane, clock: Clock
) -> None:
    calls = numbered(cached_app, lane, stale_while_revalidate=30)
    events: list[str] = []

    @cached_app.before_request
    def before() -> None:
        flask.g.opened = "opened"
        events.append("open")

    @cached_app.teardown_request
    def after(error: BaseException | None) -> None:
        events.append("close")

    with served(cached_app) as url:
        assert httpx.get(url).text == "1  opened"
        clock.ahead = 61
        stale: Any = ask_all(url, *["/"] * 20)
        texts = {response.text for response in stale}
        assert "1  opened" in texts
        assert any(each.headers["Cache-Status"].startswith("aeros_compat; hit; ttl=-") for each in stale)
        wait_for(lambda: len(calls) == 2)
        wait_for(lambda: httpx.get(url).text == "2  opened", timeout=2)
        assert re.fullmatch(r"aeros_compat; hit; ttl=[3-6]\d", httpx.get(url).headers["Cache-Status"])
        wait_for(lambda: events.count("close") == events.count("open"))
    assert len(calls) == 2
    assert cached_app.cache_stats().stale > 0


def test_slow_renewal_holds_up_nobody(app: WebServer, lane: Lane, clock: Clock) -> None:
    calls = numbered(app, lane, 1.5, stale_while_revalidate=30)
    with served(app) as url:
        httpx.get(url)
        clock.ahead = 61
        assert httpx.get(url).text.startswith("1")
        if lane.__name__ == "_sync":  # time.sleep in the async view holds the loop, as it would anywhere
            # Those that waited would get the new one.
            assert httpx.get(url).text.startswith("1")
        wait_for(lambda: len(calls) == 2)
        wait_for(lambda: httpx.get(url).text.startswith("2"))
    assert len(calls) == 2


def test_too_old_is_computed_anew(app: WebServer, lane: Lane, clock: Clock) -> None:
    numbered(app, lane, stale_while_revalidate=1)
    client = app.test_client()
    assert client.get("/").text.startswith("1")
    clock.ahead = 62
    again = client.get("/")
    assert again.text.startswith("2")


def test_the_same_request_is_made_again(app: WebServer, lane: Lane, clock: Clock) -> None:
    """Its query string, its cookies and its credentials: an own key must come out the same."""
    seen: list[Any] = []

    @app.route("/<name>")
    @app.cache(timeout=60, stale_while_revalidate=30, key_prefix=lambda: flask.request.headers["Authorization"])
    @lane
    def view(name: str) -> str:
        headers = flask.request.headers
        seen.append([name, flask.request.args["a"], headers["Authorization"], headers.get("If-None-Match")])
        return f"{flask.session.get('user')} {len(seen)}"

    with served(app) as url, httpx.Client(base_url=url, headers={"Authorization": "Bearer x"}) as client:
        assert client.get("/path?a=b").text == "None 1"
        clock.ahead = 61
        assert client.get("/path?a=b", headers={"If-None-Match": '"x"'}).text == "None 1"
        wait_for(lambda: len(seen) == 2)
        wait_for(lambda: client.get("/path?a=b").text == "None 2")
    assert seen == [["path", "b", "Bearer x", None]] * 2


def test_renewal_that_fails_leaves_the_old_entry(
    app: WebServer, lane: Lane, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    calls: list[int] = []

    @app.route("/")
    @app.cache(timeout=60, stale_while_revalidate=30)
    @lane
    def view() -> str:
        calls.append(1)
        if len(calls) == 2:
            raise ValueError("not now")
        return str(len(calls))

    with served(app) as url:
        assert httpx.get(url).text == "1"
        clock.ahead = 61
        assert httpx.get(url).text == "1"
        wait_for(lambda: "could not be renewed in the background" in caplog.text)
        assert httpx.get(url).text == "1"
        wait_for(lambda: httpx.get(url).text == "3")


def test_under_a_wsgi_server_and_in_the_test_client(app: WebServer, lane: Lane, clock: Clock) -> None:
    calls = numbered(app, lane, stale_while_revalidate=30)
    client = app.test_client()
    assert client.get("/").text.startswith("1")
    clock.ahead = 61
    assert client.get("/").text.startswith("1")
    wait_for(lambda: len(calls) == 2)
    wait_for(lambda: client.get("/").text.startswith("2"))


def test_what_cannot_be_made_again_is_computed(app: WebServer, lane: Lane, clock: Clock) -> None:
    """A request with a body, and a call outside of a server."""
    count = itertools.count(1)
    cached = app.cache(timeout=60, stale_while_revalidate=30, make_cache_key=lambda: "key")(
        lane(lambda: str(next(count)))
    )
    app.add_url_rule("/", view_func=cached, endpoint="view", methods=["POST"])
    client = app.test_client()
    assert client.post("/").text == "1"
    clock.ahead = 61
    assert client.post("/").text == "2"


@pytest.mark.parametrize("kind", ["redis"])
def test_one_process_renews_for_all(cache_of: Callable[[], Cache], clock: Clock) -> None:
    apps = [application(cache_of()) for _ in range(2)]
    started, release = threading.Event(), threading.Event()
    calls: list[int] = []
    for app in apps:

        def view() -> str:
            calls.append(1)
            if len(calls) == 2:
                started.set()
                release.wait(10)
            return str(len(calls))

        cached = app.cache(timeout=60, stale_while_revalidate=30)(view)
        app.add_url_rule("/", view_func=cached, endpoint="view")
    clients = [app.test_client() for app in apps]
    assert [client.get("/").text for client in clients] == ["1", "1"]
    clock.ahead = 61
    assert clients[0].get("/").text == "1"
    assert started.wait(10)
    assert [clients[1].get("/").text for _ in range(5)] == ["1"] * 5
    time.sleep(0.3)
    release.set()
    wait_for(lambda: clients[1].get("/").text == "2")
    assert len(calls) == 2


def test_clients_cannot_ask_for_a_renewal(app: WebServer, lane: Lane) -> None:
    calls = numbered(app, lane, stale_while_revalidate=30)
    with served(app) as url:
        httpx.get(url)
        httpx.get(url, headers={"aeros_compat.renews": "x", "Cache-Control": "no-cache"})
    assert len(calls) == 1
