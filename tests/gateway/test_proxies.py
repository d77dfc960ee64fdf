"""``ProxyFix`` applied to the scope: the same client as under WSGI, without a thread."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import run_wsgi_app

from aeros_compat import WebServer
from aeros_compat.gateway.environ import environ_from_scope

from ..asgi import ask, http_scope
from ..conftest import _async, _sync
from ..servers import served

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conftest import Lane

KEYS = (
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "wsgi.url_scheme",
    "HTTP_HOST",
    "SERVER_NAME",
    "SERVER_PORT",
    "SCRIPT_NAME",
    "PATH_INFO",
    "RAW_URI",
    "werkzeug.proxy_fix.orig",
)


def view() -> Any:
    request = flask.request
    environ = {key: request.environ.get(key) for key in KEYS}
    # A root path has no slash at its end in ASGI; Flask takes it off before it looks (Request.root_path).
    environ["SCRIPT_NAME"] = request.environ["SCRIPT_NAME"].rstrip("/")
    return {
        "environ": environ,
        "remote_addr": request.remote_addr,
        "scheme": request.scheme,
        "host": request.host,
        "root": request.script_root,
        "path": request.path,
        "url": flask.url_for("view", _external=True),
        "base": request.base_url,
    }


def with_proxies(app: Any, wrap: Callable[[Any], Any], lane: Callable[[Any], Any] = _sync) -> Any:
    app.add_url_rule("/page/", view_func=lane(view), endpoint="view")
    app.wsgi_app = wrap(app.wsgi_app)
    return app


def scope_of(headers: list[tuple[str, str]], root_path: str = "") -> dict[str, Any]:
    return http_scope(
        f"{root_path}/page/",
        root_path=root_path,
        scheme="http",
        headers=[(name.encode(), value.encode("latin-1")) for name, value in headers],
        server=("10.0.0.1", 8000),
        client=("10.0.0.2", 4000),
    )


def asked(app: Any, scope: dict[str, Any]) -> Any:
    """The JSON with which an ASGI application answers."""
    start, body = asyncio.run(ask(app, scope=scope))
    return start["status"], body["body"]


FORWARDED = [
    ("x-forwarded-for", "192.0.2.1, 192.0.2.2"),
    ("x-forwarded-for", "192.0.2.3"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "shop.example:8443"),
    ("x-forwarded-port", "9443"),
    ("x-forwarded-prefix", "/shop"),
]
NUMBERS = st.integers(0, 2)
VALUES = st.lists(
    st.one_of(
        st.sampled_from(FORWARDED),
        st.tuples(
            st.sampled_from(sorted({name for name, _ in FORWARDED})),
            st.sampled_from(
                ["", "a", "192.0.2.9", "a, b", '"quoted, b", c', "[::1]:80", "x:y", "/p/q/", "https, http"]
            ),
        ),
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(headers=VALUES, numbers=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=2))
def test_the_same_as_under_wsgi(headers: list[tuple[str, str]], numbers: list[tuple[int, ...]]) -> None:
    def wrap(app: Any) -> Any:
        for five in numbers:
            app = ProxyFix(app, *five)
        return app

    headers = [("host", "inner.example"), *headers]
    plain = with_proxies(flask.Flask("plain"), wrap)
    iterable, status, _ = run_wsgi_app(plain, environ_from_scope(scope_of(headers)))
    expected = (int(status[:3]), b"".join(iterable))
    for lane in (_sync, _async):
        app = with_proxies(WebServer("served"), wrap, lane)
        status_code, body = asked(app, scope_of(headers))
        if expected[0] != 200:
            assert status_code == expected[0]
        else:
            assert flask.json.loads(body) == flask.json.loads(expected[1])


def test_no_thread_for_async_views(app: WebServer) -> None:
    threads: list[int] = []

    @app.get("/")
    async def index() -> str:
        threads.append(threading.get_ident())
        assert quart.request.remote_addr == flask.request.remote_addr
        return f"{flask.request.remote_addr} {flask.request.url} {quart.request.url}"

    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1)  # type: ignore[method-assign]
    with served(app) as url:
        headers = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
        assert httpx.get(url, headers=headers).text == "192.0.2.1 https://shop.example/ https://shop.example/"
    names = {thread.name for thread in threading.enumerate() if thread.ident in threads}
    assert not any(name.startswith("aeros") for name in names)
    assert app.proxies is not None
    assert not app.encloses_views


@pytest.mark.parametrize("entry", ["asgi", "wsgi"])
def test_mounts_see_the_same_client(app: WebServer, entry: str) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{environ['REMOTE_ADDR']} {environ['SCRIPT_NAME']}".encode()]

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        text = f"{scope['client'][0]} {scope['root_path']}"
        await send({"type": "http.response.body", "body": text.encode()})

    app.mount("/wsgi", application)
    app.mount("/asgi", asgi)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    headers = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Prefix": "/shop"}
    with served(app) as url, httpx.Client(base_url=url) as client:
        get: Any = client.get if entry == "asgi" else app.test_client().get
        assert get("/wsgi/", headers=headers).text == "192.0.2.1 /shop/wsgi"
        assert get("/asgi/", headers=headers).text == "192.0.2.1 /shop/asgi"


def test_underscored_headers_are_not_believed(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: str(flask.request.remote_addr)), endpoint="view")
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    with served(app) as url:
        assert httpx.get(url, headers={"X_Forwarded_For": "6.6.6.6"}).text == "127.0.0.1"
        both = {"X_Forwarded_For": "6.6.6.6", "X-Forwarded-For": "192.0.2.1"}
        assert httpx.get(url, headers=both).text == "192.0.2.1"


def test_nothing_is_believed_without_it(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: f"{flask.request.remote_addr} {flask.request.url}"), endpoint="view")
    with served(app) as url:
        headers = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
        assert httpx.get(url, headers=headers).text == f"127.0.0.1 {url}/"


class Counting(ProxyFix):
    """A subclass may do more than its base: it is called."""

    calls = 0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        type(self).calls += 1
        return super().__call__(environ, start_response)


def test_what_is_not_recognised_is_called(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: str(flask.request.remote_addr)), endpoint="view")
    app.wsgi_app = Counting(app.wsgi_app)  # type: ignore[method-assign]
    before = Counting.calls
    with served(app) as url:
        assert httpx.get(url, headers={"X-Forwarded-For": "192.0.2.1"}).text == "192.0.2.1"
    assert Counting.calls == before + 1
    assert app.encloses_views


def test_around_other_middleware(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: str(flask.request.remote_addr)), endpoint="view")
    app.wsgi_app = ProxyFix(DispatcherMiddleware(app.wsgi_app))  # type: ignore[method-assign]
    with served(app) as url:
        assert httpx.get(url, headers={"X-Forwarded-For": "192.0.2.1"}).text == "192.0.2.1"
    assert app.proxies is None


def test_taken_off_again(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: str(flask.request.remote_addr)), endpoint="view")
    inner = app.wsgi_app
    app.wsgi_app = ProxyFix(inner)  # type: ignore[method-assign]
    headers = {"X-Forwarded-For": "192.0.2.1"}
    assert app.test_client().get("/", headers=headers).text == "192.0.2.1"
    app.wsgi_app = inner  # type: ignore[method-assign]
    assert app.test_client().get("/", headers=headers).text == "127.0.0.1"


def test_subclass_with_a_wsgi_app_of_its_own(lane: Lane) -> None:
    class Application(WebServer):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            environ["own"] = "yes"
            return super().wsgi_app(environ, start_response)

    app = Application("own")
    view = lane(lambda: f"{flask.request.environ['own']} {flask.request.remote_addr}")
    app.add_url_rule("/", view_func=view, endpoint="view")
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    with served(app) as url:
        assert httpx.get(url, headers={"X-Forwarded-For": "192.0.2.1"}).text == "yes 192.0.2.1"


def test_methods_that_enclose_views_and_proxies(lane: Lane) -> None:
    """Such a request runs on a thread; the environ is made from the scope that has been changed already."""

    class Application(WebServer):
        def full_dispatch_request(self) -> Any:
            flask.g.enclosed = True
            return super().full_dispatch_request()

    app = Application("own")
    view = lane(lambda: f"{flask.g.enclosed} {flask.request.remote_addr}")
    app.add_url_rule("/", view_func=view, endpoint="view")
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    with served(app) as url:
        assert httpx.get(url, headers={"X-Forwarded-For": "192.0.2.1"}).text == "True 192.0.2.1"


def test_trusted_hosts_are_those_that_the_proxy_tells(app: WebServer, lane: Lane) -> None:
    app.config["TRUSTED_HOSTS"] = ["shop.example"]
    app.add_url_rule("/", view_func=lane(lambda: flask.request.host), endpoint="view")
    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1)  # type: ignore[method-assign]
    with served(app) as url:
        assert httpx.get(url, headers={"X-Forwarded-Host": "shop.example"}).text == "shop.example"
        assert httpx.get(url, headers={"X-Forwarded-Host": "evil.example"}).status_code == 400
        assert httpx.get(url).status_code == 400


def test_what_proxies_have_told_is_remembered_within_bounds(app: WebServer, lane: Lane) -> None:
    """Each request has its own copy of what ``ProxyFix`` keeps, and clients cannot fill the memory."""
    originals: list[Any] = []

    @app.get("/")
    @lane
    def view() -> str:
        originals.append(flask.request.environ["werkzeug.proxy_fix.orig"])
        originals[-1]["mine"] = True
        return f"{flask.request.remote_addr} {flask.request.environ['REMOTE_PORT']}"

    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    for port in (4000, 4001):
        scope = http_scope(
            client=("10.0.0.2", port), server=("10.0.0.1", 80), headers=[(b"x-forwarded-for", b"192.0.2.1")]
        )
        assert asked(app, scope) == (200, b"192.0.2.1 %d" % port)
    assert originals[0] is not originals[1]
    assert app.proxies is not None
    assert app.proxies._remembered.cache_info().hits == 1
    for number in range(3):
        headers = [(b"x-forwarded-for", b"%d, " % number + b"192.0.2.1, " * 50 + b"192.0.2.2")]
        asked(app, http_scope(client=("10.0.0.2", 1), server=("10.0.0.1", 80), headers=headers))
    assert app.proxies._remembered.cache_info().currsize == 1
