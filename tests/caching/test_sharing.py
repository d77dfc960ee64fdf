"""What is not shared: nothing that was made for one client reaches another."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any

import flask
import pytest
import quart

from aeros_compat import CacheControl, CacheTypes, EasyRequest, SimpleCache, WebServer

from .conftest import application

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conftest import Lane


@pytest.fixture
def app() -> WebServer:
    return application(SimpleCache(timeout=300, threshold=100))


def asked_twice(app: WebServer, path: str = "/", **options: Any) -> tuple[str, str, str]:
    """The bodies of two requests, and why the second was not answered from the cache."""
    first, second = (app.test_client().open(path, **options) for _ in range(2))
    return first.text, second.text, second.headers.get("Cache-Status", "").partition("detail=")[2]


def add(app: WebServer, view: Callable[..., Any], lane: Lane, methods: Any = ("GET",), **options: Any) -> None:
    decorated = app.cache(response_hit_indication=True, **options)(lane(view))
    app.add_url_rule("/", view_func=decorated, endpoint="view", methods=methods)


count = itertools.count(1)


def number() -> str:
    return str(next(count))


def set_cookie() -> flask.Response:
    response = flask.make_response(number())
    response.set_cookie("personal", "yes")
    return response


def generator() -> Any:
    return (text for text in [number()])


def file() -> Any:
    return flask.send_file(io.BytesIO(number().encode()), mimetype="text/plain")


def private() -> Any:
    return number(), {"Cache-Control": "private"}


def no_store() -> Any:
    return number(), {"Cache-Control": "max-age=60, no-store"}


def varying_on_everything() -> Any:
    return number(), {"Vary": "*"}


def varying_on_the_cookie() -> Any:
    return number(), {"Vary": "Accept, cookie"}


def part() -> Any:
    return number(), 206


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (set_cookie, "set-cookie"),
        (generator, "stream"),
        (file, "stream"),
        (private, "cache-control"),
        (no_store, "cache-control"),
        (varying_on_everything, "vary"),
        (varying_on_the_cookie, "vary"),
        (part, "partial"),
        (lambda: (number(), 404), "status"),
        (lambda: (number(), 500), "status"),
    ],
)
def test_responses_that_are_not_stored(app: WebServer, lane: Lane, view: Any, reason: str) -> None:
    add(app, view, lane)
    first, second, why = asked_twice(app)
    assert (first != second, why) == (True, reason)


@pytest.mark.parametrize("view", [set_cookie, generator, no_store, varying_on_everything])
def test_some_are_not_stored_whatever_the_application_says(app: WebServer, lane: Lane, view: Any) -> None:
    add(app, view, lane, make_cache_key=lambda: "own", response_filter=lambda rv: True)
    first, second, _ = asked_twice(app)
    assert first != second


def test_what_an_own_key_allows(app: WebServer, lane: Lane) -> None:
    def view() -> Any:
        return number() + flask.session.get("user", ""), {"Cache-Control": "private", "Vary": "Cookie"}

    add(app, view, lane, key_prefix=lambda: "own")
    assert len(set(asked_twice(app)[:2])) == 1
    assert len(set(asked_twice(app, headers={"Authorization": "Basic x"})[:2])) == 1


def test_an_async_stream_is_not_stored(app: WebServer) -> None:
    async def view() -> Any:
        async def pieces() -> Any:
            yield number()

        return pieces()

    add(app, view, lambda view: view)
    first, second, why = asked_twice(app)
    assert (first != second, why) == (True, "stream")


def test_control_of_clients_below_the_cache(app: WebServer, lane: Lane) -> None:
    public = app.cache()(CacheControl(max_age=5)(lane(number)))
    app.add_url_rule("/public", view_func=public, endpoint="public")
    add(app, CacheControl(CacheTypes.NO_STORE)(lane(number)), lambda view: view)
    client = app.test_client()
    first, second = client.get("/public"), client.get("/public")
    assert first.text == second.text
    assert second.headers["Cache-Control"] == "public, max-age=5"
    assert asked_twice(app)[2] == "cache-control"


def test_control_of_clients_above_the_cache_is_about_its_entries_too(app: WebServer, lane: Lane) -> None:
    def view() -> str:
        return f"{number()} {flask.request.headers.get('Accept-Language')}"

    control = CacheControl(vary=["Accept-Language"])
    app.add_url_rule("/", view_func=control(app.cache()(lane(view))), endpoint="view")
    client = app.test_client()
    for _ in range(2):
        for language in ("de", "fr"):
            response = client.get("/", headers={"Accept-Language": language})
            assert response.text.endswith(language)
            assert "Accept-Language" in response.vary
    assert app.cache_stats().hits == 2
    with pytest.raises(ValueError, match="below it shares them"):
        CacheControl(CacheTypes.PRIVATE)(app.cache()(lane(view)))
    CacheControl(CacheTypes.PRIVATE)(app.cache(make_cache_key=lambda: "own")(lane(view)))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_neither_answered_nor_stored(app: WebServer, lane: Lane, method: str) -> None:
    add(app, number, lane, methods=["GET", method])
    app.test_client().get("/")
    first, second, why = asked_twice(app, method=method)
    assert (first != second, why) == (True, "method")
    assert app.cache_stats().stored == 1


def test_requests_with_authorization(app: WebServer, lane: Lane) -> None:
    add(app, number, lane)
    shared = app.test_client().get("/").text
    first, second, why = asked_twice(app, headers={"Authorization": "Bearer x"})
    assert (first != second, why) == (True, "authorization")
    assert app.test_client().get("/").text == shared


def test_a_view_that_looks_at_the_session(app: WebServer, lane: Lane) -> None:
    def view() -> str:
        return f"{number()} for {flask.session.get('user', 'nobody')}"

    add(app, view, lane)
    first, second, why = asked_twice(app)
    assert (first != second, why) == (True, "session")


def test_a_hook_that_looks_at_the_session(app: WebServer, lane: Lane) -> None:
    """What it has put on g may be in the page, whether the view asks for the session or not."""

    @app.before_request
    @lane
    def load() -> None:
        flask.g.user = flask.session.get("user") if "session" in flask.request.cookies else None

    @app.get("/login/<user>")
    @lane
    def login(user: str) -> str:
        flask.session["user"] = user
        return "ok"

    add(app, lambda: f"{number()} {flask.g.user}", lane)
    ada, bob, anonymous = (app.test_client() for _ in range(3))
    ada.get("/login/ada")
    bob.get("/login/bob")
    for _ in range(2):
        assert ada.get("/").text.endswith(" ada")
        assert bob.get("/").text.endswith(" bob")
        assert anonymous.get("/").text.endswith(" None")
    assert (app.cache_stats().stored, app.cache_stats().hits) == (1, 1)


@pytest.mark.parametrize("request_", [flask.request, quart.request, EasyRequest], ids=["flask", "quart", "easy"])
def test_a_view_that_reads_cookies(app: WebServer, lane: Lane, request_: Any) -> None:
    def view() -> str:
        return f"{number()} {request_.cookies.get('theme')}"

    add(app, view, lane)
    dark = app.test_client()
    dark.set_cookie("theme", "dark")
    assert dark.get("/").text.endswith("dark")
    first, second, why = asked_twice(app)
    assert (first.endswith("None"), first != second, why) == (True, True, "cookies")


def test_cookies_that_a_hook_reads_are_no_matter_of_the_view(app: WebServer, lane: Lane) -> None:
    seen: list[Any] = []
    app.before_request(lane(lambda: seen.append(flask.request.cookies)))
    add(app, number, lane)
    first, second, _ = asked_twice(app)
    assert first == second
    assert (len(seen), app.cache_stats().hits) == (2, 1)


def test_an_untouched_session_cookie_does_not_matter(app: WebServer, lane: Lane) -> None:
    @app.get("/login")
    @lane
    def login() -> str:
        flask.session["user"] = "ada"
        return "ok"

    add(app, number, lane)
    client = app.test_client()
    client.get("/login")
    assert client.get("/").text == app.test_client().get("/").text


def test_responses_that_vary_have_an_entry_for_each_value(app: WebServer, lane: Lane) -> None:
    def view() -> Any:
        return f"{number()} {flask.request.headers.get('Accept-Language')}", {"Vary": "Accept-Language"}

    add(app, view, lane)
    client = app.test_client()

    def ask(language: str) -> str:
        return client.get("/", headers={"Accept-Language": language}).text

    seen = {language: ask(language) for language in ("de", "fr", "en")}
    assert [text.split()[1] for text in seen.values()] == ["de", "fr", "en"]
    for language, text in seen.items():
        assert ask(language) == text
    assert client.get("/").text.endswith("None")


def test_raised_errors_are_not_stored_and_reach_their_handlers(app: WebServer, lane: Lane) -> None:
    app.register_error_handler(404, lane(lambda error: (f"handled {number()}", 404)))
    add(app, lambda: flask.abort(404), lane, response_filter=lambda rv: True)
    first, second, _ = asked_twice(app)
    assert first.startswith("handled ")
    assert first != second
