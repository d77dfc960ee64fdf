"""``CacheControl``: what clients and proxies are told, in both lanes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import flask
import pytest
import quart

from aeros_compat import CacheControl, CacheTypes, WebServer

if TYPE_CHECKING:
    from ..conftest import Lane


@pytest.mark.parametrize(
    ("control", "header"),
    [
        (CacheControl(), "public, max-age=60"),
        (CacheControl(CacheTypes.PRIVATE, max_age=timedelta(minutes=2)), "private, max-age=120"),
        (CacheControl(CacheTypes.PUBLIC, 0), "public, max-age=0"),
        (CacheControl("public", max_age=5, immutable=True), "public, max-age=5, immutable"),
        (CacheControl(no_transform=True), "public, max-age=60, no-transform"),
        (
            CacheControl(stale_while_revalidate=30, stale_if_error=0),
            "public, max-age=60, stale-while-revalidate=30, stale-if-error=0",
        ),
        (CacheControl(CacheTypes.NO_CACHE), "no-cache"),
        (CacheControl(CacheTypes.NO_STORE, no_transform=True), "no-store, no-transform"),
    ],
)
def test_directives(app: WebServer, lane: Lane, control: CacheControl, header: str) -> None:
    app.add_url_rule("/", view_func=control(lane(lambda: "x")), endpoint="view")
    assert app.test_client().get("/").headers["Cache-Control"] == header


def test_a_view_that_says_something_itself_is_left_alone(app: WebServer, lane: Lane) -> None:
    def view() -> Any:
        return "x", {"Cache-Control": "no-store", "Expires": "0"}

    app.add_url_rule("/", view_func=CacheControl(expires=True)(lane(view)), endpoint="kept")
    app.add_url_rule("/over", view_func=CacheControl(expires=True, override=True)(lane(view)), endpoint="over")
    kept = app.test_client().get("/").headers
    assert (kept["Cache-Control"], kept["Expires"]) == ("no-store", "0")
    over = app.test_client().get("/over").headers
    assert over.getlist("Cache-Control") == ["public, max-age=60"]
    assert over["Expires"].endswith("GMT")


def test_only_chosen_statuses(app: WebServer, lane: Lane) -> None:
    @app.route("/<int:status>")
    @CacheControl(cache_on_status=[200, 404])
    @lane
    def view(status: int) -> Any:
        return "returned", status

    @app.route("/raised/<int:status>")
    @CacheControl(cache_on_status=[200, 404])
    @lane
    def raised(status: int) -> Any:
        flask.abort(status)

    client = app.test_client()
    assert [client.get(f"/{status}").headers.get("Cache-Control") for status in (200, 404, 500)] == [
        "public, max-age=60",
        "public, max-age=60",
        None,
    ]
    assert client.get("/raised/404").headers["Cache-Control"] == "public, max-age=60"
    assert "Cache-Control" not in client.get("/raised/403").headers


def test_expires_and_vary(app: WebServer, lane: Lane) -> None:
    @app.route("/")
    @CacheControl(max_age=3600, expires=True, vary=("Accept-Language",))
    @lane
    def view() -> Any:
        return "x", {"Vary": "Accept"}

    response = app.test_client().get("/")
    assert response.expires is not None
    assert 3500 < (response.expires - datetime.now(UTC)).total_seconds() <= 3600
    assert sorted(response.vary) == ["Accept", "Accept-Language"]


def test_conditional_requests(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=CacheControl(conditional=True)(lane(lambda: "body")), endpoint="view")
    client = app.test_client()
    first = client.get("/")
    assert (first.status_code, first.data) == (200, b"body")
    again = client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "public, max-age=60"
    assert again.headers["ETag"] == first.headers["ETag"]
    assert client.get("/", headers={"If-None-Match": '"other"'}).status_code == 200


def test_streams_and_responses_of_quart(app: WebServer) -> None:
    @app.route("/stream")
    @CacheControl(conditional=True)
    async def stream() -> Any:
        async def pieces() -> Any:
            yield "a"
            yield "b"

        return pieces()

    @app.route("/quart")
    @CacheControl()
    async def of_quart() -> Any:
        return quart.Response("quart", status=200)

    client = app.test_client()
    streamed = client.get("/stream")
    assert (streamed.text, streamed.headers["Cache-Control"]) == ("ab", "public, max-age=60")
    assert client.get("/quart").headers["Cache-Control"] == "public, max-age=60"


def test_an_overridden_make_response_is_called_off_the_loop() -> None:
    threads: list[str] = []

    class Own(WebServer):
        def make_response(self, rv: Any) -> Any:
            threads.append(threading.current_thread().name)
            return super().make_response(rv)

    app = Own(__name__)

    @app.route("/")
    @CacheControl()
    async def view() -> str:
        return "x"

    assert app.test_client().get("/").headers["Cache-Control"] == "public, max-age=60"
    assert threads
    assert not any("loop" in name for name in threads)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"max_age": -1}, ValueError, "max_age must be at least 0 seconds"),
        ({"max_age": "60"}, TypeError, "max_age must be a whole number of seconds"),
        ({"max_age": True}, TypeError, "max_age must be"),
        ({"cache_type": "no-store", "max_age": 60}, ValueError, "no-store and max_age contradict"),
        ({"cache_type": "no-store", "immutable": True}, ValueError, "nothing for immutable to say"),
        ({"cache_type": "no-cache", "stale_if_error": 0}, ValueError, "nothing for stale-if-error to say"),
        ({"cache_type": "no-store", "conditional": True}, ValueError, "nothing for conditional to say"),
        ({"cache_type": "secret"}, ValueError, "secret"),
        ({"cache_on_status": 200}, TypeError, r"a list of status codes such as \[200\]"),
        ({"cache_on_status": []}, ValueError, "status codes from 100 to 599"),
        ({"stale_while_revalidate": -5}, ValueError, "stale_while_revalidate must be at least 0"),
        ({"cache_type": lambda: None}, TypeError, r"write @CacheControl\(\)"),
    ],
)
def test_wrong_combinations_fail_at_construction(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        CacheControl(**arguments)
