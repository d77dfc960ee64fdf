"""Cross-origin resource sharing: preflights, responses, prefixes, and next to Flask-CORS."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import flask
import flask_cors
import pytest

from aeros_compat import CORS, WebServer

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers
    from werkzeug.test import TestResponse

    from ..conftest import Lane

SITE = "https://site.example"


def app_with(lane: Lane, cors: Any) -> WebServer:
    app = WebServer(__name__, cors=cors)
    app.add_url_rule("/", view_func=lane(lambda: "ok"), endpoint="view", methods=["GET", "POST"])
    return app


def get(app: WebServer, path: str = "/", origin: str | None = SITE) -> Headers:
    return app.test_client().get(path, headers={"Origin": origin} if origin else {}).headers


def preflight(
    app: WebServer, path: str = "/", origin: str = SITE, method: str = "GET", names: str = ""
) -> TestResponse:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    if names:
        headers["Access-Control-Request-Headers"] = names
    return app.test_client().options(path, headers=headers)


def shared_with(headers: Headers) -> list[str]:
    return headers.getlist("Access-Control-Allow-Origin")


def test_everybody(lane: Lane) -> None:
    app = app_with(lane, True)
    for origin in (SITE, None):
        headers = get(app, origin=origin)
        assert shared_with(headers) == ["*"]
        assert "Vary" not in headers
        assert "Access-Control-Allow-Credentials" not in headers
    answer = preflight(app, method="DELETE", names="X-Token, content-type")
    assert (answer.status_code, answer.data) == (200, b"")
    assert shared_with(answer.headers) == ["*"]
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST, OPTIONS, PUT, PATCH, DELETE"
    assert answer.headers["Access-Control-Allow-Headers"] == "X-Token, content-type"


def test_named_origins_and_every_option(lane: Lane) -> None:
    cors = CORS(
        origins=[SITE, "https://*.example.org"],
        methods="GET, PUT",
        allow_headers=["X-Token"],
        expose_headers=["X-Pages", "ETag"],
        supports_credentials=True,
        max_age=timedelta(minutes=10),
    )
    app = app_with(lane, cors)
    headers = get(app)
    assert shared_with(headers) == [SITE]
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Access-Control-Expose-Headers"] == "X-Pages, ETag"
    answer = preflight(app, origin="https://a.example.org", method="PUT", names="x-token")
    assert shared_with(answer.headers) == ["https://a.example.org"]
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, PUT"
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert "Access-Control-Allow-Private-Network" not in answer.headers


def test_vary_is_there_for_every_origin_and_for_none(lane: Lane) -> None:
    app = app_with(lane, {"origins": SITE})
    for origin in (SITE, "https://evil.example", "null", None):
        headers = get(app, origin=origin)
        assert headers["Vary"] == "Origin"
        assert shared_with(headers) == ([SITE] if origin == SITE else [])


def test_vary_of_the_view_is_kept(lane: Lane) -> None:
    app = WebServer(__name__, cors={"origins": SITE})

    def view(own: str) -> Any:
        return "ok", {"Vary": own}

    app.add_url_rule("/<own>", view_func=lane(view), endpoint="view")
    for own, sent in [("Cookie", "Cookie, Origin"), ("origin", "origin"), ("*", "*")]:
        assert get(app, f"/{own}").getlist("Vary") == [sent]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"origin": "https://evil.example"}, "this origin"),
        ({"origin": "null"}, "this origin"),
        ({"method": "DELETE"}, "this method"),
        ({"method": "get"}, "this method"),
        ({"names": "X-Token, X-Other"}, "one of these headers"),
        ({"names": "X Token"}, "not a list of names"),
    ],
)
def test_refused_preflights(lane: Lane, request_: dict[str, str], reason: str) -> None:
    app = app_with(lane, {"origins": SITE, "methods": ["GET"], "allow_headers": ["X-Token"]})
    assert preflight(app, names="x-token").status_code == 200
    answer = preflight(app, **request_)
    assert answer.status_code == 403
    assert reason in answer.text
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_preflights_meet_no_hook_and_no_view(lane: Lane) -> None:
    calls = []
    app = app_with(lane, True)

    def login() -> Any:
        calls.append(flask.request.method)
        return flask.abort(401)

    app.before_request(lane(login))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert preflight(app).status_code == 200
    assert preflight(app, "/missing").status_code == 200
    assert calls == []
    # An OPTIONS request that is no preflight is the application's.
    assert app.test_client().options("/", headers={"Origin": SITE}).status_code == 401
    assert shared_with(get(app)) == ["*"]
    assert calls == ["OPTIONS", "GET"]


def test_prefixes(lane: Lane) -> None:
    app = WebServer(
        __name__,
        cors={"/api": {"origins": SITE}, "/api/public/*": True, "/größe": {"origins": "https://other.example"}},
    )
    for path in ("/", "/api", "/api/x", "/api/public/x", "/apiary", "/größe/x"):
        app.add_url_rule(path, view_func=lane(lambda: "ok"), endpoint=path.replace("/", "_"))
    assert shared_with(get(app, "/api")) == shared_with(get(app, "/api/x")) == [SITE]
    assert shared_with(get(app, "/api/public/x")) == ["*"]
    for path in ("/", "/apiary"):
        headers = get(app, path)
        assert shared_with(headers) == []
        assert "Vary" not in headers
        assert preflight(app, path).headers["Allow"]  # Flask's own answer
    assert shared_with(get(app, "/größe/x", "https://other.example")) == ["https://other.example"]


def test_prefixes_below_a_root_path(lane: Lane) -> None:
    app = WebServer(__name__, cors={"/api": True})
    app.add_url_rule("/api", view_func=lane(lambda: "ok"), endpoint="view")
    answer = app.test_client().get("/api", base_url="http://localhost/root", headers={"Origin": SITE})
    assert shared_with(answer.headers) == ["*"]


def test_options_of_resources_differ_from_those_of_all() -> None:
    cors = CORS(origins=SITE, max_age=60, resources={"/": {}, "/long": {"max_age": 600}})
    app = WebServer(__name__, cors=cors)
    assert preflight(app, "/").headers["Access-Control-Max-Age"] == "60"
    assert preflight(app, "/long/x").headers["Access-Control-Max-Age"] == "600"


def test_what_the_view_has_set_is_left_alone(lane: Lane) -> None:
    app = WebServer(__name__, cors={"origins": SITE, "supports_credentials": True})

    def view() -> Any:
        return "ok", {"Access-Control-Allow-Origin": "https://other.example"}

    app.add_url_rule("/", view_func=lane(view), endpoint="view")
    headers = get(app)
    assert shared_with(headers) == ["https://other.example"]
    assert "Access-Control-Allow-Credentials" not in headers


def test_flask_cors_keeps_working_and_is_not_doubled(lane: Lane) -> None:
    for setting in (None, True):
        app = app_with(lane, setting)
        flask_cors.CORS(app, resources={"/": {"origins": SITE, "expose_headers": "X-Own"}})
        headers = get(app)
        assert shared_with(headers) == [SITE]
        assert headers.getlist("Access-Control-Expose-Headers") == ["X-Own"]
        assert preflight(app).status_code == 200
        # What Flask-CORS does not cover: a path that is not among its resources.
        assert shared_with(get(app, "/missing")) == ([] if setting is None else ["*"])


@pytest.mark.parametrize(
    ("setting", "error", "sentence"),
    [
        ("https://example.com", TypeError, "cors is True, a dictionary of options, or CORS"),
        ({"origin": SITE}, TypeError, "cors has no option 'origin'. It has origins, methods"),
        ({"/api": {"credentials": True}}, TypeError, "cors has no option 'credentials'"),
        ({"supports_credentials": True}, ValueError, r"origins='\*' with supports_credentials=True"),
        ({"/api": {"supports_credentials": True}}, ValueError, r"origins='\*' with supports_credentials=True"),
        ({"origins": SITE, "supports_credentials": "yes"}, TypeError, "supports_credentials is True or False"),
        ({"methods": "*"}, ValueError, "name the methods"),
        ({"methods": ["GET\r\n"]}, ValueError, "methods is a list of names"),
        ({"allow_headers": 3}, ValueError, "allow_headers is a list of names"),
        ({"allow_headers": ["X Token"]}, ValueError, "allow_headers is a list of names"),
        ({"expose_headers": "a\nb"}, ValueError, "expose_headers is a list of names"),
        (
            {"origins": SITE, "supports_credentials": True, "expose_headers": "*"},
            ValueError,
            "name the expose_headers",
        ),
        ({"max_age": -1}, ValueError, "max_age is a number of seconds"),
        ({"max_age": "long"}, ValueError, "max_age is a number of seconds"),
        ({"resources": {}}, TypeError, "resources is a dictionary from prefixes to options"),
        ({"resources": {"api": {}}}, ValueError, "a resource is a prefix such as '/api', not 'api'"),
        ({"/api": "*"}, TypeError, "the options for '/api' are a dictionary"),
        ({r"/api/v\d": {}}, ValueError, "is a pattern; a prefix such as '/api'"),
        ({"/api": {}, "/api/*": {}}, ValueError, "twice"),
    ],
)
def test_wrong_settings_fail_at_construction(setting: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        WebServer(__name__, cors=setting)


def test_off() -> None:
    for setting in (None, False):
        app = WebServer(__name__, cors=setting)
        assert shared_with(get(app)) == []
