"""``WebServer.from_flask``: a plain Flask application becomes a WebServer, in place."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import flask
import flask_caching
import flask_login  # type: ignore[import-untyped]
import flask_wtf  # type: ignore[import-untyped]
import httpx
import pytest
import quart
from flask import Flask
from flask.cli import AppGroup
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Map

from aeros_compat import SimpleCache, WebServer

from .legacy import EXAMPLE, copy_example
from .programs import ended
from .servers import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from .conftest import Lane


class Middleware:
    """A guard: it says that it was there."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, ("X-Guarded", "yes")], exc_info)

        return self.app(environ, start)  # type: ignore[no-any-return]


def test_in_place(lane: Lane) -> None:
    app = Flask("application")
    kept = (id(app), app.config, app.url_map, app.cli, app.jinja_env, app.json, app.extensions, app.logger)
    app.before_request(lambda: setattr(flask.g, "hook", "hooked"))
    server = WebServer.from_flask(app, host="0.0.0.0", port=80, worker_threads=3)
    assert server is app
    assert type(app) is WebServer
    assert (id(app), app.config, app.url_map, app.cli, app.jinja_env, app.json, app.extensions, app.logger) == kept
    assert (server.host, server.port, server.threads.limit) == ("0.0.0.0", 80, 3)
    assert app.config["BODY_TIMEOUT"] is None
    app.add_url_rule("/", view_func=lane(lambda: flask.g.hook), endpoint="view")
    assert app.test_client().get("/").text == "hooked"
    with served(app) as url:
        assert httpx.get(url).text == "hooked"


def test_what_was_configured_stays() -> None:
    class Provider(DefaultJSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return "mine"

    app = Flask("application", static_folder=None)
    app.config["RESPONSE_TIMEOUT"] = 7
    app.json = Provider(app)
    app.jinja_env.filters["shout"] = str.upper
    app.add_url_rule("/json", view_func=lambda: {"a": 1}, endpoint="json")
    app.add_url_rule("/html", view_func=lambda: flask.render_template_string("{{ 'a'|shout }}"), endpoint="html")

    @app.cli.command("awaited")
    async def awaited() -> None:
        await asyncio.sleep(0)
        print("awaited", flask.current_app.name)

    server = WebServer.from_flask(app)

    @app.get("/quart")
    async def of_quart() -> str:
        return await quart.render_template_string("{{ 'b'|shout }}")

    client = app.test_client()
    assert server.config["RESPONSE_TIMEOUT"] == 7
    assert client.get("/json").text.strip() == "mine"
    assert client.get("/html").text == "A"
    assert client.get("/quart").text == "B"
    assert app.test_cli_runner().invoke(args=["awaited"]).output == "awaited application\n"


def test_overridden_methods(lane: Lane) -> None:
    calls: list[str] = []

    class Own(Flask):
        def full_dispatch_request(self) -> flask.Response:
            calls.append(threading.current_thread().name)
            return super().full_dispatch_request()

        def make_response(self, rv: Any) -> flask.Response:
            response = super().make_response(rv)
            response.headers["X-Own"] = "yes"
            return response

        class url_map_class(Map):  # noqa: N801 (Flask's name)
            """One of the user's."""

    app = Own("application")
    server = WebServer.from_flask(app)
    assert isinstance(app, Own)
    assert (type(app).__name__, type(app).__module__) == ("Own", __name__)
    app.add_url_rule("/", view_func=lane(lambda: "ok"), endpoint="view")

    async def chunks() -> Any:
        yield "x"

    app.add_url_rule("/quart", view_func=chunks, endpoint="quart")  # answered by what WebServer adds
    assert server.encloses_views
    assert app.test_client().get("/").headers["X-Own"] == "yes"
    assert len(calls) == 1
    assert app.test_client().get("/quart").text == "x"


def test_proxy_fix_that_was_there_before(lane: Lane) -> None:
    """It is recognised, so that async views stay on the event loop, and mounts are found."""
    app = Flask("application")
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    server = WebServer.from_flask(app)
    assert server.proxies is not None
    assert not server.encloses_views
    app.add_url_rule("/", view_func=lane(lambda: flask.request.remote_addr), endpoint="view")
    server.mount("/mounted", told)
    with served(app) as url:
        forwarded = {"X-Forwarded-For": "192.0.2.7"}
        assert httpx.get(url, headers=forwarded).text == "192.0.2.7"
        assert httpx.get(f"{url}/mounted/x", headers=forwarded).text == "/mounted /x 192.0.2.7"


def told(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']} {environ['REMOTE_ADDR']}".encode()]


async def told_by_asgi(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["root_path"].encode()})


def test_mounts_behind_middleware_that_was_there_before(lane: Lane) -> None:
    """It holds Flask's ``wsgi_app``, which knows no mounts; it stands around them all the same."""
    app = Flask("application")
    app.wsgi_app = Middleware(ProxyFix(app.wsgi_app))  # type: ignore[method-assign]
    hooks: list[str] = []
    app.before_request(lambda: hooks.append("before"))
    app.teardown_request(lambda error: hooks.append("teardown"))
    app.add_url_rule("/", view_func=lane(lambda: "own"), endpoint="view")
    server = WebServer.from_flask(app)
    other = WebServer("other")
    other.add_url_rule("/", view_func=lane(lambda: flask.current_app.name), endpoint="view")
    other.mount("/deep", told)
    server.mount("/wsgi", told)
    server.mount("/asgi", told_by_asgi)
    server.mount("/other", other)
    with served(app) as url:
        for get in (lambda path: httpx.get(url + path), app.test_client().get):
            for path, text in (
                ("/wsgi/x", "/wsgi /x 127.0.0.1"),
                ("/asgi/x", "/asgi"),
                ("/other/", "other"),
                ("/other/deep/x", "/other/deep /x 127.0.0.1"),
            ):
                response = get(path)
                assert (response.text, response.headers["X-Guarded"]) == (text, "yes")
            assert hooks == []
            assert get("/").text == "own"
            assert hooks == ["before", "teardown"]
            hooks.clear()
        assert httpx.get(f"{url}/wsgiary").status_code == 404


def test_extensions(lane: Lane) -> None:
    """Objects of Flask-WTF, Flask-Login and Flask-Caching that know the application already."""
    app = Flask("application")
    app.secret_key = "only for tests"
    cache = flask_caching.Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    flask_wtf.CSRFProtect(app)
    login = flask_login.LoginManager(app)
    user = flask_login.UserMixin()
    user.id = "ada"
    login.user_loader(lambda name: user if name == "ada" else None)
    counted: list[int] = []

    @app.get("/cached")
    @cache.cached(timeout=60)
    def cached() -> str:
        counted.append(1)
        return "cached"

    WebServer.from_flask(app)

    @app.get("/login")
    @lane
    def log_in() -> str:
        flask_login.login_user(user)
        return "in"

    @app.get("/who")
    @lane
    def who() -> str:
        return str(flask_login.current_user.get_id())

    @app.post("/post")
    @lane
    def post() -> str:
        return "posted"

    with served(app) as url, httpx.Client(base_url=url) as client:
        assert client.get("/who").text == "None"
        assert client.get("/login").text == "in"
        assert client.get("/who").text == "ada"
        assert client.post("/post").status_code == 400
        assert [client.get("/cached").text for _ in range(2)] == ["cached", "cached"]
        assert counted == [1]


def test_a_subclass_of_webserver(lane: Lane) -> None:
    class Ours(WebServer):
        def greet(self) -> str:
            return "hello"

    app = Flask("application")
    server = Ours.from_flask(app)
    assert type(app) is Ours
    assert server.greet() == "hello"
    assert Ours.from_flask(app) is app
    assert WebServer.from_flask(app) is app


def handled() -> Flask:
    app = Flask("application")
    app.test_client().get("/")
    return app


class Calling(Flask):
    def __call__(self, environ: Any, start_response: Any) -> Any:
        return super().__call__(environ, start_response)


@pytest.mark.parametrize(
    ("make", "settings", "error", "text"),
    [
        (lambda: quart.Quart("application"), {}, TypeError, "takes a flask.Flask object"),
        (lambda: Flask, {}, TypeError, "takes a flask.Flask object"),
        (lambda: Calling("application"), {}, TypeError, "Override wsgi_app"),
        (handled, {}, RuntimeError, "has handled a request already"),
        (lambda: WebServer("application"), {"port": 1}, TypeError, "is a WebServer already"),
        (lambda: Flask("application"), {"prot": 1}, TypeError, "prot"),
        (lambda: Flask("application"), {"worker_threads": 0}, ValueError, "at least 1"),
        (lambda: Flask("application"), {"cache": 1}, TypeError, "cache must be"),
    ],
)
def test_what_cannot_be_converted(
    make: Callable[[], Any], settings: dict[str, Any], error: type[Exception], text: str
) -> None:
    app = make()
    before = type(app)
    with pytest.raises(error, match=text):
        WebServer.from_flask(app, **settings)
    assert type(app) is before
    if isinstance(app, Flask) and before is Flask:
        assert type(app.url_map) is Map
        assert type(app.cli) is AppGroup


def test_settings_of_the_constructor(lane: Lane) -> None:
    """Caching, templates that use it, and headers."""
    app = Flask("application")
    assert app.jinja_env  # made before the conversion
    server = WebServer.from_flask(app, cache=SimpleCache(), global_headers={"X-Own": "yes"}, cors=True)
    counted: list[int] = []

    @app.get("/")
    @server.cache(timeout=60)
    @lane
    def view() -> str:
        counted.append(1)
        return flask.render_template_string("{% cache 60, 'key' %}fragment{% endcache %}")

    client = app.test_client()
    for _ in range(2):
        response = client.get("/", headers={"Origin": "https://shop.example"})
        assert (response.text, response.headers["X-Own"]) == ("fragment", "yes")
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert counted == [1]


def test_it_is_freed_at_its_last_reference() -> None:
    gc.disable()
    try:
        app = Flask("application")
        WebServer.from_flask(app)
        app.add_url_rule("/", view_func=lambda: "ok", endpoint="view")
        assert app.test_client().get("/").text == "ok"
        gone = weakref.ref(app)
        del app
        assert gone() is None
    finally:
        gc.enable()


def test_the_legacy_example_and_its_own_tests(tmp_path: Path) -> None:
    """Plain Flask with its extensions and middleware, turned into a WebServer where it is made."""
    folder = copy_example(tmp_path / "legacy", 0)
    package = folder / "hangar" / "__init__.py"
    code = package.read_text()
    assert code.count("\n    return app\n") == 1
    code = code.replace("\n    return app\n", "\n    return WebServer.from_flask(app)\n")
    package.write_text(
        code.replace("from flask import Flask\n", "from flask import Flask\nfrom aeros_compat import WebServer\n")
    )
    assert (EXAMPLE / "hangar" / "__init__.py").read_text() != package.read_text()
    suite = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
    done = ended(*suite, cwd=folder, timeout=600, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
