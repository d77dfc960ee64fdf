"""Names of Flask and of Quart, side by side, over one state."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart

from .servers import served

if TYPE_CHECKING:
    from aeros_compat import WebServer

    from .conftest import Lane


def test_one_state_behind_both(app: WebServer, lane: Lane) -> None:
    @app.before_request
    def before() -> None:
        quart.g.from_quart = 1
        flask.session["n"] = 1

    @app.route("/page/<name>")
    @lane
    def page(name: str) -> Any:
        flask.g.from_flask = 2
        quart.session["m"] = 2
        assert quart.g._get_current_object() is flask.g._get_current_object()
        assert flask.g.from_quart == 1
        assert quart.g.from_flask == 2
        assert flask.session["m"] == 2
        assert quart.session["n"] == 1
        assert flask.current_app == app
        assert quart.current_app == app.core
        assert quart.request.view_args == flask.request.view_args == {"name": "x"}
        assert quart.request.url_rule is flask.request.url_rule
        assert quart.request.endpoint == flask.request.endpoint == "page"
        assert quart.request.args["q"] == flask.request.args["q"] == "1"
        assert quart.request.headers["X-Some"] == flask.request.headers["X-Some"] == "thing"
        assert quart.request.cookies["biscuit"] == flask.request.cookies["biscuit"] == "yes"
        assert quart.request.url == flask.request.url == "http://localhost/page/x?q=1"
        assert quart.request.remote_addr == flask.request.remote_addr == "127.0.0.1"
        assert quart.url_for("page", name="y") == flask.url_for("page", name="y") == "/page/y"
        assert quart.has_request_context()
        assert flask.has_request_context()
        return quart.jsonify(ok=True)

    client = app.test_client()
    client.set_cookie("biscuit", "yes")
    response = client.get("/page/x?q=1", headers={"X-Some": "thing"})
    assert response.json == {"ok": True}
    with client.session_transaction() as session:
        assert dict(session) == {"n": 1, "m": 2}


def test_flashes_are_shared(app: WebServer, lane: Lane) -> None:
    @app.route("/")
    @lane
    def view() -> Any:
        flask.flash("one")
        return {"flashes": quart.get_flashed_messages(), "again": flask.get_flashed_messages()}

    assert app.test_client().get("/").json == {"flashes": ["one"], "again": ["one"]}


def test_request_bodies(app: WebServer) -> None:
    @app.route("/json", methods=["POST"])
    async def json() -> Any:
        return {"flask": flask.request.get_json(), "quart": await quart.request.get_json()}

    @app.route("/form", methods=["POST"])
    async def form() -> Any:
        files = await quart.request.files
        upload, same = files["file"], flask.request.files["file"]
        return {
            "flask": flask.request.form,
            "quart": await quart.request.form,
            "file": [upload.filename, upload.read().decode(), same.filename, same.read().decode()],
            "values": (await quart.request.values)["q"] + flask.request.values["q"],
        }

    @app.route("/raw", methods=["POST"])
    async def raw() -> Any:
        pieces = [piece async for piece in quart.request.body]
        return b"".join(pieces) + b" " + flask.request.get_data()

    from io import BytesIO

    client = app.test_client()
    assert client.post("/json", json=[1]).json == {"flask": [1], "quart": [1]}
    sent = {"a": "1", "file": (BytesIO(b"content"), "name.txt")}
    assert client.post("/form?q=x", data=sent).json == {
        "flask": {"a": "1"},
        "quart": {"a": "1"},
        "file": ["name.txt", "content"] * 2,
        "values": "xx",
    }
    assert client.post("/raw", data=b"bytes").data == b"bytes bytes"


def test_templates_of_both(app: WebServer) -> None:
    app.context_processor(lambda: {"site": "ours"})
    app.add_template_filter(lambda text: text.upper(), "loud")
    source = "{{ site }} {{ name|loud }} {{ request.path }} {{ session.x }} {{ url_for('both') }}"

    @app.route("/both")
    async def both() -> Any:
        flask.session["x"] = 1
        return {
            "flask": flask.render_template_string(source, name="a"),
            "quart": await quart.render_template_string(source, name="a"),
        }

    expected = "ours A /both 1 /both"
    assert app.test_client().get("/both").json == {"flask": expected, "quart": expected}


def test_templates_of_quart_await_async_context_processors(app: WebServer) -> None:
    @app.context_processor
    async def site() -> dict[str, Any]:
        return {"site": "ours"}

    @app.route("/")
    async def view() -> str:
        return await quart.render_template_string("{{ site }} {{ request.path }}")

    assert app.test_client().get("/").text == "ours /"


def test_templates_of_quart_where_every_thread_waits(app: WebServer) -> None:
    """Async code that a sync cycle waits for runs its sync pieces on the thread that waits, not on one more."""
    app.worker_threads = 2
    app.context_processor(lambda: {"site": "ours"})

    @app.errorhandler(404)
    async def not_found(error: Exception) -> Any:
        await asyncio.sleep(0.01)
        return await quart.render_template_string("{{ site }}"), 404

    with served(app) as url, ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: httpx.get(f"{url}/none", timeout=20).text, range(24)))
    assert answers == ["ours"] * 24


def test_responses_of_quart(app: WebServer, lane: Lane, tmp_path: Any) -> None:
    (tmp_path / "file.txt").write_text("in a file")

    @app.after_request
    def add(response: flask.Response) -> flask.Response:
        response.headers["X-Class"] = type(response).__module__
        return response

    app.add_url_rule("/plain", view_func=lane(lambda: quart.Response("plain", 201, {"X-A": "b"})), endpoint="plain")
    app.add_url_rule("/tuple", view_func=lane(lambda: (quart.Response("x"), 202, {"X-A": "c"})), endpoint="tuple")
    app.add_url_rule("/redirect", view_func=lane(lambda: quart.redirect("/plain")), endpoint="redirect")

    @app.route("/file")
    async def file() -> Any:
        return await quart.send_file(tmp_path / "file.txt")

    @app.route("/made")
    async def made() -> Any:
        response = await quart.make_response({"a": 1}, 203)
        response.set_cookie("k", "v")
        return response

    client = app.test_client()
    plain = client.get("/plain")
    assert (plain.status_code, plain.text, plain.headers["X-A"]) == (201, "plain", "b")
    assert plain.headers["X-Class"] == "flask.wrappers"
    changed = client.get("/tuple")
    assert (changed.status_code, changed.headers["X-A"]) == (202, "c")
    assert client.get("/redirect").headers["Location"] == "/plain"
    assert client.get("/file").data == b"in a file"
    response = client.get("/made")
    assert (response.status_code, response.json, response.headers["Set-Cookie"]) == (203, {"a": 1}, "k=v; Path=/")


def test_abort_of_both(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/flask", view_func=lane(lambda: flask.abort(418)), endpoint="flask")
    app.add_url_rule("/quart", view_func=lane(lambda: quart.abort(409)), endpoint="quart")
    client = app.test_client()
    assert [client.get("/flask").status_code, client.get("/quart").status_code] == [418, 409]


def test_current_app_of_quart_falls_back_to_the_webserver(app: WebServer, lane: Lane) -> None:
    app.login_manager = "an extension's"

    @app.route("/")
    @lane
    def view() -> str:
        assert quart.current_app.secret_key == app.secret_key
        assert quart.current_app.extensions is app.extensions
        with pytest.raises(AttributeError, match="nonsense"):
            _ = quart.current_app.nonsense  # type: ignore[attr-defined]
        return str(quart.current_app.login_manager)  # type: ignore[attr-defined]

    assert app.test_client().get("/").text == "an extension's"


def test_outside_of_requests(app: WebServer) -> None:
    with app.app_context():
        assert flask.current_app == app
        assert quart.current_app == app.core
        flask.g.x = 1
        assert quart.g.x == 1
    assert not quart.has_app_context()
    with app.test_request_context("/path?q=1", method="POST", json={"a": 1}):
        assert quart.request.path == flask.request.path == "/path"
        assert quart.request.args["q"] == "1"
        assert flask.request.get_json() == {"a": 1}
    assert not quart.has_request_context()


async def _async_contexts(app: WebServer) -> None:
    async with app.app_context():
        assert flask.current_app == app
        assert quart.current_app == app.core
    async with app.test_request_context("/path", method="POST", data=b"body"):
        assert flask.request.path == "/path"
        assert await quart.request.get_data() == b"body"
        assert flask.request.get_data() == b"body"
    async with app.core.test_request_context("/other", method="POST", data=b"body"):
        assert flask.request.path == quart.request.path == "/other"
        assert await quart.request.get_data() == b"body"
        assert flask.request.get_data() == b"body"
    assert not flask.has_app_context()
    assert not quart.has_app_context()


def test_async_contexts(app: WebServer) -> None:
    import asyncio

    torn_down: list[bool] = []

    @app.teardown_appcontext
    async def close(error: BaseException | None) -> None:
        await asyncio.sleep(0)
        torn_down.append(True)

    asyncio.run(_async_contexts(app))
    assert torn_down == [True] * 3


def test_async_test_client_of_quart(app: WebServer, lane: Lane) -> None:
    import asyncio

    @app.route("/", methods=["GET", "POST"])
    @lane
    def view() -> Any:
        flask.session["n"] = flask.session.get("n", 0) + 1
        return {"n": flask.session["n"], "body": flask.request.get_data(as_text=True)}

    async def scenario() -> None:
        client = app.async_test_client()
        assert await (await client.get("/")).get_json() == {"n": 1, "body": ""}
        assert await (await client.post("/", data="x")).get_json() == {"n": 2, "body": "x"}
        async with client.session_transaction() as session:
            assert session["n"] == 2
            session["n"] = 10
        assert (await (await client.get("/")).get_json())["n"] == 11
        async with app.async_test_client() as kept:
            await kept.get("/?q=1")
            assert quart.request.args["q"] == "1"
            assert quart.session["n"] == 1
        assert not quart.has_request_context()

    asyncio.run(scenario())
