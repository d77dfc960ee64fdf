"""``app.cache``: every argument, in both lanes, over all three kinds of cache."""

from __future__ import annotations

import functools
import hashlib
import itertools
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import flask
import flask_caching
import httpx
import pytest
import quart
from werkzeug.datastructures import Headers

from aeros_compat import FileSystemCache, FilesystemCache, RedisCache, SimpleCache, WebServer
from aeros_compat.callables import is_async

from ..servers import served, wait_for
from .conftest import application

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..conftest import Lane
    from .conftest import Clock


def numbers(lane: Lane) -> Any:
    count = itertools.count(1)

    def view(**kwargs: Any) -> str:
        return str(next(count))

    return lane(view)


def texts(client: Any, *paths: str, **options: Any) -> list[str]:
    return [client.get(path, **options).text for path in paths]


@pytest.fixture
def app() -> WebServer:
    return application(SimpleCache(timeout=300, threshold=100))


def test_second_request_is_a_hit(cached_app: WebServer, lane: Lane) -> None:
    @cached_app.route("/")
    @cached_app.cache()
    @lane
    def view() -> Any:
        return {"number": next(count)}, 203, {"X-Own": "ü", "Content-Language": "de"}

    count = itertools.count(1)
    client = cached_app.test_client()
    first, second = client.get("/"), client.get("/")
    assert first.json == second.json == {"number": 1}
    assert second.status == "203 NON AUTHORITATIVE INFORMATION"
    assert dict(second.headers) == dict(first.headers)
    stats = cached_app.cache_stats()
    assert (stats.hits, stats.misses, stats.stored, stats.bypassed, stats.errors) == (1, 1, 1, 0, 0)


def test_the_wrapper_is_what_the_view_was(app: WebServer, lane: Lane) -> None:
    view = numbers(lane)
    wrapper = app.cache()(view)
    assert is_async(wrapper) == is_async(view)
    assert wrapper.__name__ == view.__name__


def test_entries_expire(cached_app: WebServer, lane: Lane, clock: Clock) -> None:
    cached_app.add_url_rule("/", view_func=cached_app.cache(timeout=timedelta(minutes=1))(numbers(lane)), endpoint="v")
    client = cached_app.test_client()
    assert texts(client, "/", "/") == ["1", "1"]
    clock.ahead = 59
    assert texts(client, "/") == ["1"]
    clock.ahead = 61
    assert texts(client, "/", "/") == ["2", "2"]


def test_timeout_of_the_cache_and_of_a_cached_response(lane: Lane, clock: Clock) -> None:
    app = application(SimpleCache(timeout=60))
    view = numbers(lane)
    app.add_url_rule("/", view_func=app.cache()(view), endpoint="default")
    app.add_url_rule("/ever", view_func=app.cache(timeout=0)(numbers(lane)), endpoint="ever")

    @app.route("/own")
    @app.cache(timeout=300)
    @lane
    def own() -> Any:
        return flask_caching.CachedResponse(flask.make_response(str(next(count))), timeout=60)

    count = itertools.count(1)
    client = app.test_client()
    assert texts(client, "/", "/ever", "/own") == ["1", "1", "1"]
    clock.ahead = 61
    assert texts(client, "/", "/ever", "/own") == ["2", "1", "2"]


def test_above_and_below_the_route(app: WebServer, lane: Lane) -> None:
    app.cache()(app.route("/above", endpoint="above")(numbers(lane)))
    app.route("/below", endpoint="below")(app.cache()(numbers(lane)))
    client = app.test_client()
    assert texts(client, "/above", "/above", "/below", "/below") == ["1", "1", "1", "1"]


def test_one_view_under_two_routes(app: WebServer, lane: Lane) -> None:
    @app.route("/")
    @app.route("/<path:path>")
    @app.cache()
    @lane
    def view(path: str = "") -> str:
        return f"{path} {next(count)}"

    count = itertools.count(1)
    client = app.test_client()
    assert texts(client, "/", "/a/b", "/", "/a/b", "/a") == [" 1", "a/b 2", " 1", "a/b 2", "a 3"]


def test_method_host_and_scheme_have_entries_of_their_own(app: WebServer, lane: Lane) -> None:
    @app.route("/")
    @app.cache()
    @lane
    def view() -> str:
        return f"{flask.request.method} {flask.request.host_url}"

    client = app.test_client()
    for _ in range(2):
        assert client.head("/").headers["Content-Length"] == str(len("HEAD http://localhost/"))
        assert client.get("/").text == "GET http://localhost/"
        assert client.get("/", base_url="https://localhost").text == "GET https://localhost/"
        assert client.get("/", headers={"Host": "evil.example"}).text == "GET http://evil.example/"
    assert app.cache_stats().misses == 4


def test_query_strings_when_asked(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=app.cache()(numbers(lane)), endpoint="without")
    app.add_url_rule("/with", view_func=app.cache(query_string=True)(numbers(lane)), endpoint="with")
    client = app.test_client()
    assert texts(client, "/?a=1", "/?a=2", "/") == ["1", "1", "1"]
    assert texts(client, "/with?a=1&b=2", "/with?b=2&a=1", "/with?a=2&b=1", "/with") == ["1", "1", "2", "3"]


def test_a_cached_helper_does_not_take_the_place_of_the_page(app: WebServer, lane: Lane) -> None:
    """Both are called for the same path."""

    @app.cache()
    def helper() -> str:
        return "helper"

    @app.route("/")
    @app.cache()
    @lane
    def view() -> str:
        return f"page with {flask.current_app.make_response(helper()).get_data(as_text=True)}"

    client = app.test_client()
    assert texts(client, "/", "/") == ["page with helper"] * 2


def test_key_prefix(app: WebServer, lane: Lane) -> None:
    fixed = app.cache(key_prefix="fixed")
    app.add_url_rule("/a", view_func=fixed(numbers(lane)), endpoint="a")
    app.add_url_rule("/b", view_func=fixed(numbers(lane)), endpoint="b")
    per_user = app.cache(key_prefix=lambda: flask.request.headers["X-User"])
    app.add_url_rule("/user", view_func=per_user(numbers(lane)), endpoint="user")
    client = app.test_client()
    assert texts(client, "/a", "/b") == ["1", "1"]
    users = [client.get("/user", headers={"X-User": name, "Authorization": "x"}).text for name in "abab"]
    assert users == ["1", "2", "1", "2"]


def test_make_cache_key_and_other_methods(app: WebServer, lane: Lane) -> None:
    @app.route("/<name>", methods=["POST"])
    @app.cache(make_cache_key=lambda name: f"{name} {flask.request.form['q']}")
    @lane
    def view(name: str) -> str:
        return str(next(count))

    count = itertools.count(1)
    client = app.test_client()
    assert [client.post("/a", data={"q": q}).text for q in "xyx"] == ["1", "2", "1"]
    assert client.post("/b", data={"q": "x"}).text == "3"


def test_unless_forced_update_and_is_stale(app: WebServer, lane: Lane) -> None:
    asked: list[Any] = []

    def unless(view: Callable[..., Any], **kwargs: Any) -> bool:
        asked.append(view.__name__)
        return flask.request.args.get("do") == "bypass"

    def is_stale(response: flask.Response, **kwargs: Any) -> bool:
        return flask.request.args.get("do") == "stale" and response.get_data() != b""

    decorate = app.cache(
        unless=unless, forced_update=lambda: flask.request.args.get("do") == "update", is_stale=is_stale
    )
    app.add_url_rule("/", view_func=decorate(numbers(lane)), endpoint="view")
    client = app.test_client()
    assert texts(client, "/", "/?do=bypass", "/", "/?do=update", "/", "/?do=stale", "/") == list("1213344")
    assert len(asked) == 7


def test_response_filter(app: WebServer, lane: Lane) -> None:
    decorate = app.cache(response_filter=lambda rv: rv[1] != 403)

    @app.route("/<int:status>")
    @decorate
    @lane
    def view(status: int) -> Any:
        return str(next(count)), status

    count = itertools.count(1)
    client = app.test_client()
    assert texts(client, "/200", "/200", "/403", "/403", "/404", "/404", "/503", "/503") == list("11234456")


def test_source_check_and_hash_method(app: WebServer, lane: Lane) -> None:
    decorate = app.cache(source_check=True, hash_method=hashlib.sha1, query_string=True)
    app.add_url_rule("/", view_func=decorate(numbers(lane)), endpoint="view")
    assert texts(app.test_client(), "/?a=1", "/?a=1", "/?a=2") == ["1", "1", "2"]


def test_what_the_cache_has_done_is_visible_when_asked_for(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=app.cache(response_hit_indication=True)(numbers(lane)), endpoint="seen")
    app.add_url_rule("/not", view_func=app.cache()(numbers(lane)), endpoint="not")
    client = app.test_client()
    assert client.get("/").headers["Cache-Status"] == "aeros_compat; fwd=uri-miss; stored"
    hit = client.get("/")
    assert hit.headers["Cache-Status"] == "aeros_compat; hit; ttl=299"
    assert hit.headers["hit_cache"] == "True"
    bypassed = client.get("/", headers={"Authorization": "Basic x"})
    assert bypassed.headers["Cache-Status"] == "aeros_compat; fwd=bypass; detail=authorization"
    assert "hit_cache" not in bypassed.headers
    for _ in range(2):
        assert not {"Cache-Status", "hit_cache"} & set(client.get("/not").headers.keys())


def test_hooks_run_for_hits_too(app: WebServer, lane: Lane) -> None:
    calls = []

    def after(response: flask.Response) -> flask.Response:
        calls.append("after")
        return response

    app.before_request(lane(lambda: calls.append("before")))
    app.after_request(lane(after))
    app.teardown_request(lane(lambda error: calls.append("teardown")))
    app.add_url_rule("/", view_func=app.cache()(numbers(lane)), endpoint="view")
    assert texts(app.test_client(), "/", "/") == ["1", "1"]
    assert calls == ["before", "after", "teardown"] * 2


def test_class_based_views_and_responses_of_quart(app: WebServer) -> None:
    count = itertools.count(1)

    class View(flask.views.MethodView):
        decorators = [app.cache()]

        async def get(self) -> str:
            return str(next(count))

    app.add_url_rule("/class", view_func=View.as_view("class"))

    @app.route("/quart")
    @app.cache()
    async def of_quart() -> Any:
        return quart.Response(str(next(count)), status=203)

    client = app.test_client()
    assert texts(client, "/class", "/class", "/quart", "/quart") == ["1", "1", "2", "2"]
    assert client.get("/quart").status_code == 203


def test_async_view_under_a_sync_decorator(app: WebServer) -> None:
    def decorator(view: Any) -> Any:
        @functools.wraps(view)
        def wrapper(*args: Any) -> Any:
            return view(*args)

        return wrapper

    @app.route("/")
    @app.cache()
    @decorator
    async def view() -> str:
        return str(next(count))

    count = itertools.count(1)
    assert texts(app.test_client(), "/", "/") == ["1", "1"]


def test_conditional_requests_are_answered_from_an_entry(app: WebServer, lane: Lane) -> None:
    @app.route("/")
    @app.cache()
    @lane
    def view() -> Any:
        return "body", {"ETag": '"tag"'}

    client = app.test_client()
    assert client.get("/").data == b"body"
    assert client.get("/", headers={"If-None-Match": '"tag"'}).status_code == 304
    assert client.get("/", headers={"If-None-Match": '"other"'}).data == b"body"


def test_without_a_cache_views_are_called_and_the_log_says_so_once(
    lane: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    app = WebServer("tests.caching.without")
    app.add_url_rule("/", view_func=app.cache()(numbers(lane)), endpoint="a")
    app.cache(timeout=5)(numbers(lane))
    assert texts(app.test_client(), "/", "/") == ["1", "2"]
    assert [record.message for record in caplog.records] == [
        "app.cache() does nothing, because the application has no cache: WebServer(..., cache=SimpleCache())."
    ]
    app.clear_cache()
    assert app.cache_stats().misses == 0


def test_any_cache_of_flask_caching(lane: Lane) -> None:
    cache = flask_caching.Cache(config={"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 7})
    app = application(cache)
    app.add_url_rule("/", view_func=app.cache(response_hit_indication=True)(numbers(lane)), endpoint="view")
    client = app.test_client()
    assert texts(client, "/", "/") == ["1", "1"]
    assert client.get("/").headers["Cache-Status"] == "aeros_compat; hit; ttl=6"
    with app.app_context():
        cache.clear()
    assert texts(client, "/") == ["2"]


def test_wrong_objects_and_settings_fail_at_construction(tmp_path: Path) -> None:
    def fails(error: type[Exception], message: str, func: Callable[[], object]) -> None:
        with pytest.raises(error, match=message):
            func()

    fails(TypeError, r"cache must be SimpleCache\(\)", lambda: WebServer("x", cache="redis"))  # type: ignore[arg-type]
    fails(TypeError, r"cache must be SimpleCache\(\)", lambda: WebServer("x", cache=SimpleCache))  # type: ignore[arg-type]
    fails(ValueError, "has no settings yet", lambda: WebServer("x", cache=flask_caching.Cache()))
    fails(TypeError, "timeout must be a whole number of seconds", lambda: SimpleCache(timeout=1.5))  # type: ignore[arg-type]
    fails(ValueError, "timeout must be at least 0", lambda: SimpleCache(timeout=-1))
    fails(ValueError, "threshold must be at least 1", lambda: SimpleCache(threshold=0))
    fails(TypeError, "threshold must be a whole number", lambda: FileSystemCache(tmp_path, threshold="many"))  # type: ignore[arg-type]
    fails(TypeError, "the path of a directory", lambda: FileSystemCache(None))  # type: ignore[arg-type]
    (tmp_path / "file").write_text("")
    fails(OSError, "file", lambda: WebServer("x", cache=FileSystemCache(tmp_path / "file" / "cache")))
    fails(TypeError, "the name of a host", lambda: RedisCache(None))  # type: ignore[arg-type]
    fails(ValueError, "port must be a number from 1 to 65535", lambda: RedisCache("localhost", 0))
    fails(ValueError, "begins with redis://", lambda: RedisCache("http://localhost"))
    fails(ValueError, "user and password in it", lambda: RedisCache("redis://localhost", password="x"))
    fails(ValueError, "key_prefix must not be empty", lambda: RedisCache("localhost", key_prefix=""))
    fails(ValueError, "more than 0", lambda: RedisCache("localhost", read_timeout=0))
    fails(ValueError, "contradict", lambda: RedisCache(sentinels=[("a", 1)], cluster=[("a", 1)]))
    app = application(SimpleCache())
    fails(TypeError, r"write @app.cache\(\)", lambda: app.cache(lambda: "view"))  # type: ignore[arg-type]
    fails(ValueError, "timeout must be at least 0", lambda: app.cache(timeout=-5))
    fails(TypeError, "unless must be a function", lambda: app.cache(unless=True))  # type: ignore[arg-type]
    fails(TypeError, "tags must be names", lambda: app.cache(tags=(1,)))  # type: ignore[arg-type]
    assert FilesystemCache is FileSystemCache


def test_the_cache_is_there_in_templates_and_does_not_make_their_environment_early(lane: Lane) -> None:
    app = application(SimpleCache())
    app.jinja_options = {"trim_blocks": True}
    count = itertools.count(1)
    template = "{% cache 50, 'name' %}\n{{ number() }}{% endcache %}\n {{ number() }}"
    app.add_url_rule("/", view_func=lane(lambda: flask.render_template_string(template)), endpoint="view")
    app.jinja_env.globals["number"] = lambda: next(count)
    assert app.jinja_env.trim_blocks
    assert texts(app.test_client(), "/", "/") == ["1 2", "1 3"]


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_behind_wsgi_middleware(cached_app: WebServer, path: str, clock: Clock) -> None:
    """Where every view is called from a thread, and an async one awaited on the loop from there."""
    inner = cached_app.wsgi_app
    passed: list[str] = []

    def middleware(environ: Any, start_response: Any) -> Any:
        passed.append(environ["PATH_INFO"])
        return inner(environ, start_response)

    cached_app.wsgi_app = middleware  # type: ignore[method-assign]
    count = itertools.count(1)

    @cached_app.route("/sync")
    @cached_app.cache(timeout=60, stale_while_revalidate=30)
    def sync() -> str:
        return str(next(count))

    @cached_app.route("/async")
    @cached_app.cache(timeout=60, stale_while_revalidate=30)
    async def awaited() -> str:
        return str(next(count))

    with served(cached_app) as url:
        assert [httpx.get(url + path).text for _ in range(2)] == ["1", "1"]
        clock.ahead = 61
        assert httpx.get(url + path).text == "1"
        wait_for(lambda: httpx.get(url + path).text == "2")
    assert len(passed) >= 4


def test_hits_are_responses_of_their_own(app: WebServer, lane: Lane) -> None:
    @app.after_request
    def add(response: flask.Response) -> flask.Response:
        response.headers.add("X-Count", str(len(response.headers.getlist("X-Count")) + 1))
        response.set_data(response.get_data() + b"!")
        return response

    app.add_url_rule("/", view_func=app.cache()(numbers(lane)), endpoint="view")
    client = app.test_client()
    answers = [client.get("/") for _ in range(3)]
    assert [answer.text for answer in answers] == ["1!"] * 3
    assert [answer.headers.getlist("X-Count") for answer in answers] == [["1"]] * 3
    assert app.cache_stats().hits == 2


def test_who_has_looked_at_the_request_gets_the_same_entry(app: WebServer, lane: Lane) -> None:
    """A hook that needs the request has it made; without one, a hit is found from the scope."""
    is_looking = threading.Event()

    @app.before_request
    def look() -> None:
        if is_looking.is_set():
            assert flask.request.host == "localhost"

    app.add_url_rule("/a ü/<path:rest>", view_func=app.cache()(numbers(lane)), endpoint="view")
    client = app.test_client()
    for number, base_url in enumerate(["http://localhost", "https://localhost", "http://localhost/root"], 1):
        for setting in (is_looking.clear, is_looking.set, is_looking.clear):
            setting()
            assert texts(client, "/a%20%C3%BC/b%2Fc", base_url=base_url) == [str(number)]
    assert app.cache_stats().misses == 3


def test_class_of_the_applications_own_responses(app: WebServer, lane: Lane) -> None:
    """What it says where a stored response says nothing, and its own constructor if it has one."""
    made: list[object] = []

    class Plain(flask.Response):
        default_mimetype = "text/x-plain"

    class Counting(Plain):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)

    def view() -> Any:
        response = flask.make_response("Hello")
        del response.headers["Content-Type"]
        return response

    app.add_url_rule("/", view_func=app.cache()(lane(view)), endpoint="view")
    client = app.test_client()
    for response_class, calls in ((Plain, 0), (Counting, 2)):
        app.response_class = response_class
        client.get("/")
        made.clear()
        assert [client.get("/").mimetype for _ in range(2)] == ["text/x-plain"] * 2
        assert len(made) == calls


CHANGES: dict[str, Callable[[flask.Response], object]] = {
    "header": lambda response: response.headers.add("X-Added", "yes"),
    "header less": lambda response: response.headers.pop("Content-Type"),
    "headers": lambda response: setattr(response, "headers", Headers({"X-Own": "1"})),
    "body": lambda response: response.set_data("other"),
    "pieces": lambda response: setattr(response, "response", iter([b"1", b"2"])),
    "status": lambda response: setattr(response, "status_code", 202),
    "no content": lambda response: setattr(response, "status_code", 204),
    "cookie": lambda response: response.set_cookie("seen", "yes"),
    "closing": lambda response: response.call_on_close(lambda: None),
    "length": lambda response: setattr(response, "automatically_set_content_length", False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_decorators_change_of_a_hit_is_changed(app: WebServer, lane: Lane, change: str) -> None:
    cached = app.cache()(numbers(lane))

    def changed(response: Any) -> flask.Response:
        made: flask.Response = flask.make_response(response)
        CHANGES[change](made)
        return made

    @functools.wraps(cached)
    def above() -> Any:
        return changed(cached())

    @functools.wraps(cached)
    async def awaiting() -> Any:
        return changed(await cached())

    app.add_url_rule("/", view_func=awaiting if is_async(cached) else above, endpoint="view")
    with served(app) as url:
        first, *hits = (httpx.get(url) for _ in range(3))
    for hit in hits:
        assert (hit.status_code, hit.content) == (first.status_code, first.content)
        assert [pair for pair in hit.headers.multi_items() if pair[0] != "date"] == [
            pair for pair in first.headers.multi_items() if pair[0] != "date"
        ]
    assert app.cache_stats().hits == 2
