"""What one client puts into ``app.cache`` for the others, and what it gets of theirs.

https://portswigger.net/research/practical-web-cache-poisoning names the ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aeros_compat import SimpleCache, WebServer

from .length import search

if TYPE_CHECKING:
    from ..conftest import Lane

UNKEYED = [
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Prefix",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-HTTP-Method-Override",
    "X-Host",
    "Forwarded",
    "Cache-Control",
    "Pragma",
    "Range",
    "Accept-Encoding",
    "Origin",
]


@pytest.fixture
def cached(lane: Lane) -> WebServer:
    app = WebServer(__name__, cache=SimpleCache(threshold=10_000), cors=True)
    app.secret_key = "only for tests"

    def page(path: str = "") -> str:
        request = flask.request
        return f"{request.method} {request.url} {request.query_string.decode('latin-1')!r} {flask.url_for('page')}"

    view: Any = app.cache(timeout=60, query_string=True)(lane(page))
    app.add_url_rule("/page/<path:path>", view_func=view, endpoint="path")
    app.add_url_rule("/page", view_func=view, endpoint="page", methods=["GET", "POST"])
    return app


@pytest.mark.parametrize("name", UNKEYED)
def test_headers_that_are_no_part_of_the_key(cached: WebServer, name: str) -> None:
    """They change nothing in what is stored; what they change in the answer of this client is its own."""
    client = cached.test_client()
    client.get("/page", headers={name: "evil"})
    clean = client.get("/page")
    assert "evil" not in clean.text
    assert clean.status_code == 200
    assert clean.text.startswith("GET http://localhost/page")
    assert clean.headers.get("Access-Control-Allow-Origin") in (None, "*")


def test_hosts_and_schemes_have_entries_of_their_own(cached: WebServer) -> None:
    client = cached.test_client()
    assert "http://evil.test/page" in client.get("/page", base_url="http://evil.test").text
    assert "http://good.test/page" in client.get("/page", base_url="http://good.test").text
    assert "https://good.test/page" in client.get("/page", base_url="https://good.test").text
    assert "good.test:81/page" in client.get("/page", base_url="http://good.test:81").text


def test_methods_have_entries_of_their_own(cached: WebServer) -> None:
    client = cached.test_client()
    assert client.head("/page").text == ""
    assert client.get("/page").text.startswith("GET")
    assert client.post("/page").text.startswith("POST")
    assert client.get("/page", data="x=evil").text.startswith("GET")


_TOKENS = [*"ab&=;%/+", "%2F", "%26", "%3D", "%00", "%C3%BC", "a=1", "b=2", "&&", ".", "..", "//"]
texts = st.lists(st.sampled_from(_TOKENS), max_size=5).map("".join)


def test_two_requests_never_share_a_key_unless_views_see_the_same(lane: Lane) -> None:
    app = WebServer(__name__, cache=SimpleCache(threshold=10_000))

    def page(path: str) -> str:
        return ascii([path, sorted(flask.request.args.items(multi=True))])

    app.add_url_rule(
        "/c/<path:path>", view_func=app.cache(timeout=60, query_string=True)(lane(page)), endpoint="cached"
    )
    app.add_url_rule("/p/<path:path>", view_func=lane(page), endpoint="plain")
    client = app.test_client()

    @search(150)
    @given(path=texts, query=texts)
    def check(path: str, query: str) -> None:
        cached, plain = (client.get(f"/{which}/{path}?{query}") for which in "cp")
        assert cached.status_code == plain.status_code
        if plain.status_code == 200:
            assert cached.text == plain.text

    check()


def _greeting() -> Any:
    return f"Hello {flask.request.cookies.get('name')}"


def _session() -> Any:
    return f"Hello {flask.session.get('name')}"


def _authorization() -> Any:
    found = flask.request.authorization
    return f"Hello {found.username if found else None}"


def _login() -> Any:
    response = flask.make_response("Hello")
    response.set_cookie("token", flask.request.args["name"])
    return response


def _varying() -> Any:
    return f"Hello {flask.request.headers.get('X-User')}", {"Vary": "X-User"}


def _private() -> Any:
    return f"Hello {flask.request.headers.get('X-User')}", {"Cache-Control": "private"}


@pytest.mark.parametrize("view", [_greeting, _session, _authorization, _login, _varying, _private])
def test_no_user_gets_what_was_made_for_another(lane: Lane, view: Any) -> None:
    app = WebServer(__name__, cache=SimpleCache())
    app.secret_key = "only for tests"
    app.add_url_rule("/", view_func=app.cache(timeout=60)(lane(view)), endpoint="view")

    def ask(name: str) -> tuple[str, str]:
        client = app.test_client()
        client.set_cookie("name", name)
        with client.session_transaction() as session:
            session["name"] = name
        response = client.get("/", query_string={"name": name}, auth=(name, "x"), headers={"X-User": name})
        return response.text, response.headers.get("Set-Cookie", "")

    for name in ("alice", "bob", "alice", "bob"):
        text, cookie = ask(name)
        other = "bob" if name == "alice" else "alice"
        assert other not in text + cookie
        assert name in text + cookie
    assert "alice" not in app.test_client().get("/?name=x").text
