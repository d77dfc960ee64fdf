"""Every form of view that Flask knows, in both lanes."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import flask
import flask.views
import pytest
import quart
from flask import Blueprint, Response
from flask.json.provider import DefaultJSONProvider
from werkzeug.routing import BaseConverter, Rule

from aeros_compat import WebServer
from aeros_compat.callables import is_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from .conftest import Lane


def test_function_view_with_arguments(app: WebServer, lane: Lane) -> None:
    @app.route("/greet/<name>/<int:times>")
    @lane
    def greet(name: str, times: int) -> str:
        return " ".join([name] * times)

    assert app.test_client().get("/greet/ada/2").text == "ada ada"


@pytest.mark.parametrize(
    ("value", "status", "body"),
    [
        ("text", 200, b"text"),
        (b"bytes", 200, b"bytes"),
        ({"a": 1}, 200, b'{"a":1}\n'),
        ([1, 2], 200, b"[1,2]\n"),
        (("made", 201), 201, b"made"),
        (("teapot", "418 I'M A TEAPOT", {"X-Tea": "green"}), 418, b"teapot"),
        (("", 204), 204, b""),
        (Response("own", status=202), 202, b"own"),
    ],
)
def test_return_values(app: WebServer, lane: Lane, value: Any, status: int, body: bytes) -> None:
    app.add_url_rule("/", view_func=lane(lambda: value), endpoint="view")
    response = app.test_client().get("/")
    assert (response.status_code, response.data) == (status, body)


def test_view_that_returns_none_raises_the_type_error_of_flask(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: None), endpoint="nothing")
    with pytest.raises(TypeError, match="The view function for 'nothing' did not return a valid response"):
        app.test_client().get("/")


def test_class_based_views(app: WebServer) -> None:
    class Sync(flask.views.View):
        def dispatch_request(self, **kwargs: Any) -> str:
            return f"sync {kwargs['id']}"

    class Async(flask.views.View):
        init_every_request = False

        async def dispatch_request(self, **kwargs: Any) -> str:  # type: ignore[override]
            await asyncio.sleep(0)
            return f"async {kwargs['id']}"

    class Mixed(flask.views.MethodView):
        def get(self) -> str:
            return "sync get"

        async def post(self) -> str:
            await asyncio.sleep(0)
            return "async post"

    app.add_url_rule("/sync/<int:id>", view_func=Sync.as_view("sync"))
    app.add_url_rule("/async/<int:id>", view_func=Async.as_view("async"))
    app.add_url_rule("/mixed", view_func=Mixed.as_view("mixed"))
    client = app.test_client()
    assert client.get("/sync/1").text == "sync 1"
    assert client.get("/async/2").text == "async 2"
    assert client.get("/mixed").text == "sync get"
    assert client.post("/mixed").text == "async post"
    assert client.head("/mixed").status_code == 200
    assert client.put("/mixed").status_code == 405


def test_class_based_view_with_a_sync_decorator(app: WebServer) -> None:
    calls = []

    def noting(view: Any) -> Any:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            calls.append(view.__name__)
            return view(*args, **kwargs)

        return wrapper

    class Decorated(flask.views.View):
        decorators = [noting]

        async def dispatch_request(self, **kwargs: Any) -> str:  # type: ignore[override]
            return "decorated"

    app.add_url_rule("/", view_func=Decorated.as_view("decorated"))
    assert app.test_client().get("/").text == "decorated"
    assert calls == ["decorated"]


def test_nested_blueprints(app: WebServer, lane: Lane) -> None:
    parent, child = Blueprint("parent", __name__, url_prefix="/parent"), Blueprint("child", __name__)

    @child.route("/here")
    @lane
    def here() -> str:
        return f"{flask.request.endpoint} {flask.request.blueprints} {flask.url_for('.here')}"

    parent.register_blueprint(child, url_prefix="/child")
    app.register_blueprint(parent)
    expected = "parent.child.here ['parent.child', 'parent'] /parent/child/here"
    assert app.test_client().get("/parent/child/here").text == expected


def test_blueprint_of_quart(app: WebServer) -> None:
    blueprint = quart.Blueprint("quarts", __name__)

    @blueprint.route("/quart")
    async def view() -> str:
        return quart.request.path

    app.register_blueprint(blueprint)
    assert app.test_client().get("/quart").text == "/quart"


def test_custom_converter_runs_in_the_request_contexts(app: WebServer, lane: Lane) -> None:
    """A converter may ask a database: it sees request and session, and never runs on the event loop."""
    seen: list[tuple[str, bool]] = []

    class Upper(BaseConverter):
        def to_python(self, value: str) -> str:
            try:
                asyncio.get_running_loop()
                on_loop = True
            except RuntimeError:
                on_loop = False
            seen.append((flask.request.path + str(flask.session.get("x")), on_loop))
            return value.upper()

    app.url_map.converters["upper"] = Upper

    @app.route("/up/<upper:word>")
    @lane
    def up(word: str) -> str:
        return word

    @app.route("/plain/<word>")
    @lane
    def plain(word: str) -> str:
        return word

    client = app.test_client()
    assert client.get("/up/word").text == "WORD"
    assert client.get("/plain/word").text == "word"
    assert seen == [("/up/wordNone", False)]


def test_route_added_after_a_custom_converter_was_used(app: WebServer, lane: Lane) -> None:
    class Same(BaseConverter):
        pass

    app.url_map.converters["same"] = Same
    app.add_url_rule("/a/<same:x>", view_func=lane(lambda x: f"a {x}"), endpoint="a")
    client = app.test_client()
    assert client.get("/a/1").text == "a 1"
    app._got_first_request = False  # what a test suite does that builds its application as it goes
    app.add_url_rule("/b/<same:x>", view_func=lane(lambda x: f"b {x}"), endpoint="b")
    assert client.get("/b/2").text == "b 2"
    assert client.get("/a/1").text == "a 1"


def test_rule_that_redirects_with_a_function(app: WebServer, lane: Lane) -> None:
    """Code of the user's: it sees the request, and its failure is handled as any other."""

    def target(adapter: Any, name: str) -> str:
        assert flask.current_app.name == app.name
        return f"new/{name}{flask.request.args['x']}"

    app.url_map.add(Rule("/old/<name>", endpoint="old", redirect_to=target))
    app.add_url_rule("/new/<name>", view_func=lane(lambda name: name), endpoint="new")
    assert app.test_client().get("/old/a?x=1").headers["Location"] == "http://localhost/new/a1"
    app.testing = False
    assert app.test_client().get("/old/a").status_code == 400


def test_subdomains_and_hosts(lane: Lane) -> None:
    """They match early too: an async view stays on the event loop."""
    app = WebServer(__name__, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.test"
    app.add_url_rule("/", view_func=lane(lambda: threading.current_thread().name), endpoint="api", subdomain="api")
    app.add_url_rule("/", view_func=lane(lambda: "main"), endpoint="main")
    client = app.test_client()
    assert client.get("/", base_url="http://example.test").text == "main"
    expected = "aeros-wsgi-loop" if is_async(app.view_functions["api"]) else threading.current_thread().name
    assert client.get("/", base_url="http://api.example.test").text == expected
    # A client's wish to upgrade to something else sends no view to another thread.
    assert client.get("/", base_url="http://api.example.test", headers={"Upgrade": "h2c"}).text == expected
    hosts = WebServer(__name__, host_matching=True, static_folder=None)
    hosts.add_url_rule("/", view_func=lane(lambda: "a"), endpoint="a", host="a.test")
    hosts.add_url_rule("/", view_func=lane(lambda: "b"), endpoint="b", host="b.test")
    assert hosts.test_client().get("/", base_url="http://b.test").text == "b"


def test_redirects_and_methods(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/folder/", view_func=lane(lambda: "folder"), endpoint="folder")
    app.add_url_rule("/only-post", view_func=lane(lambda: "ok"), endpoint="post", methods=["POST"])
    client = app.test_client()
    redirect = client.get("/folder?x=1")
    assert (redirect.status_code, redirect.headers["Location"]) == (308, "http://localhost/folder/?x=1")
    assert client.get("/folder", follow_redirects=True).text == "folder"
    assert client.get("/only-post").status_code == 405
    assert set(client.options("/only-post").headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    assert client.get("/missing").status_code == 404


def test_redirect_keeps_the_body(app: WebServer, lane: Lane) -> None:
    """A test client sends it again; the entry must not have used it up."""

    @app.route("/to/", methods=["POST"])
    @lane
    def to() -> str:
        return flask.request.form["x"]

    assert app.test_client().post("/to", data={"x": "1"}, follow_redirects=True).text == "1"


def test_custom_classes(lane: Lane) -> None:
    class Request(flask.Request):
        @property
        def shout(self) -> str:
            return self.args["q"].upper()

    class Answer(flask.Response):
        default_mimetype = "text/x-special"

    class Provider(DefaultJSONProvider):
        def default(self, o: Any) -> Any:
            return f"<{type(o).__name__}>"

    class Globals(flask.ctx._AppCtxGlobals):
        answer = 42

    class Custom(WebServer):
        request_class = Request
        response_class = Answer
        json_provider_class = Provider
        app_ctx_globals_class = Globals

    app = Custom(__name__)
    app.add_url_rule("/text", view_func=lane(lambda: flask.request.shout), endpoint="text")  # type: ignore[attr-defined]
    app.add_url_rule("/json", view_func=lane(lambda: {"o": {1}, "g": quart.g.answer}), endpoint="json")
    client = app.test_client()
    response = client.get("/text?q=loud")
    assert (response.text, response.mimetype) == ("LOUD", "text/x-special")
    assert client.get("/json").json == {"o": "<set>", "g": 42}


def test_sync_generator(app: WebServer, lane: Lane) -> None:
    @app.route("/")
    @lane
    def stream() -> Iterator[str]:
        @flask.stream_with_context
        def pieces() -> Iterator[str]:
            yield flask.request.args["a"]
            yield flask.request.args["b"]
            yield flask.g.c

        flask.g.c = "3"
        return pieces()  # type: ignore[call-arg]

    assert app.test_client().get("/?a=1&b=2").text == "123"


def test_async_generator(app: WebServer, lane: Lane) -> None:
    @app.route("/")
    @lane
    def stream() -> Any:
        async def pieces() -> AsyncIterator[str]:
            for piece in ("a", "b"):
                await asyncio.sleep(0)
                yield piece

        return pieces(), {"X-Kind": "async"}

    response = app.test_client().get("/")
    assert (response.text, response.headers["X-Kind"]) == ("ab", "async")


def test_async_generator_with_context(app: WebServer) -> None:
    @app.route("/")
    async def stream() -> Any:
        @quart.stream_with_context
        async def pieces() -> AsyncIterator[str]:
            yield quart.request.args["a"]
            await asyncio.sleep(0)
            yield flask.request.args["b"]
            yield flask.g.c + quart.g.c

        flask.g.c = "3"
        return pieces()

    assert app.test_client().get("/?a=1&b=2").text == "1233"


def test_head_has_no_body(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: "five!"), endpoint="view")
    response = app.test_client().head("/")
    assert (response.data, response.headers["Content-Length"]) == (b"", "5")


def test_static_files(app: WebServer, tmp_path: Any) -> None:
    (tmp_path / "note.txt").write_text("0123456789")
    app.static_folder = str(tmp_path)
    client = app.test_client()
    whole = client.get("/static/note.txt")
    assert whole.data == b"0123456789"
    part = client.get("/static/note.txt", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.data, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert client.get("/static/note.txt", headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert client.get("/static/none.txt").status_code == 404


def test_headers_that_a_view_has_replaced(app: WebServer, lane: Lane) -> None:
    """Werkzeug takes anything that ``Headers`` can be made of."""

    @app.get("/")
    @lane
    def view() -> Any:
        response = flask.make_response("body", 418)
        response.headers = {"X-Own": "1"}  # type: ignore[assignment]
        return response

    response = app.test_client().get("/")
    assert (response.status_code, response.text, response.headers["X-Own"]) == (418, "body", "1")
