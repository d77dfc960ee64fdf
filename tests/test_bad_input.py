"""Bad requests get the status that Flask gives; bad settings fail at construction, in a sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart
from flask import Flask

from aeros_compat import WebServer

from .servers import raw_exchange, served

if TYPE_CHECKING:
    from .conftest import Lane


def build(app: Flask, lane: Lane) -> Flask:
    app.testing = False
    app.config.update(MAX_CONTENT_LENGTH=100, MAX_FORM_PARTS=2, MAX_FORM_MEMORY_SIZE=50)
    app.add_url_rule("/json", view_func=lane(lambda: [flask.request.json]), endpoint="json", methods=["POST"])
    app.add_url_rule("/form", view_func=lane(lambda: dict(flask.request.form)), endpoint="form", methods=["POST"])
    app.add_url_rule("/key", view_func=lane(lambda: flask.request.form["k"]), endpoint="key", methods=["POST"])
    app.add_url_rule("/data", view_func=lane(lambda: flask.request.get_data()), endpoint="data", methods=["POST"])
    app.add_url_rule("/<path:path>", view_func=lane(lambda path: ascii(path)), endpoint="path")
    return app


JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = b"".join(b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n1\r\n' % n for n in range(4)) + b"--b--\r\n"
LARGE = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + b"x" * 60 + b"\r\n--b--\r\n"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}

CASES: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "unknown content type": ("POST", "/json", {"Content-Type": "application/x-nonsense"}, b"{}"),
    "no content type": ("POST", "/json", {}, b"{}"),
    "broken json": ("POST", "/json", JSON, b"{"),
    "json that is not utf-8": ("POST", "/json", JSON, b'"\xff"'),
    "over MAX_CONTENT_LENGTH": ("POST", "/data", {}, b"x" * 101),
    "at MAX_CONTENT_LENGTH": ("POST", "/data", {}, b"x" * 100),
    "form over MAX_CONTENT_LENGTH": ("POST", "/form", FORM, b"a=" + b"x" * 101),
    "field over MAX_FORM_MEMORY_SIZE": ("POST", "/form", MULTIPART, LARGE),
    "over MAX_FORM_PARTS": ("POST", "/form", MULTIPART, PARTS),
    "multipart without boundary": ("POST", "/form", {"Content-Type": "multipart/form-data"}, PARTS[:90]),
    "missing key": ("POST", "/key", FORM, b"a=1"),
    "undecodable path": ("GET", "/%ff%fe", {}, b""),
    "undecodable query": ("GET", "/x?a=%ff", {}, b""),
    "header that is not ascii": ("GET", "/x", {"X-Some": "caf\xe9"}, b""),
    "wrong method": ("DELETE", "/json", {}, b""),
    "unknown method": ("BREW", "/json", {}, b""),
    "content length that is no number": ("POST", "/data", {"Content-Length": "ten"}, b""),
    "range that is none": ("GET", "/static/none", {"Range": "bytes=9-1"}, b""),
    "host that is no name": ("GET", "/x", {"Host": "a..b"}, b""),
    "host with a long label": ("GET", "/x", {"Host": "a" * 70 + ".test"}, b""),
    "cookie of nonsense": ("GET", "/x", {"Cookie": "session=nonsense; ;;= ; a"}, b""),
}


@pytest.mark.parametrize("case", CASES)
def test_same_answer_as_flask(case: str, lane: Lane) -> None:
    method, path, headers, body = CASES[case]

    def answer(cls: type[Flask]) -> tuple[int, bytes]:
        response = build(cls(__name__), lane).test_client().open(path, method=method, headers=headers, data=body)
        return response.status_code, response.data

    assert answer(WebServer) == answer(Flask)


def test_over_the_wire(lane: Lane) -> None:
    """The same, where the bytes come from a socket."""
    app = build(WebServer(__name__), lane)
    with served(app) as url:

        def status(head: str, body: bytes = b"") -> int:
            request = f"{head}\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1") + body
            found = re.match(rb"HTTP/1.1 (\d+)", raw_exchange(url, request))
            assert found is not None
            return int(found[1])

        assert status("GET /%ff%fe HTTP/1.1") == 200
        assert status("GET /x HTTP/1.1\r\nX-Some: caf\xe9") == 200
        assert status("GET http://x/x HTTP/1.1") == 200
        assert status("POST /data HTTP/1.1\r\nContent-Length: 101", b"x" * 101) == 413
        assert httpx.post(f"{url}/data", content=b"x" * 2_000_000).status_code == 413
        chunks = b"64\r\n" + b"x" * 100 + b"\r\n64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n"
        assert status("POST /data HTTP/1.1\r\nTransfer-Encoding: chunked", chunks) == 413
        assert status("POST /json HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1", b"{") == 400
        assert status("POST /json HTTP/1.1\r\nContent-Type: text/x\r\nContent-Length: 2", b"{}") == 415


def test_limits_reach_the_request_of_quart() -> None:
    app = WebServer(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 10

    @app.post("/")
    async def view() -> Any:
        return await quart.request.get_data()

    client = app.test_client()
    assert client.post("/", data=b"x" * 10).data == b"x" * 10
    assert client.post("/", data=b"x" * 11).status_code == 413


def test_large_body_read_with_flask_in_an_async_view_says_what_to_do() -> None:
    app = WebServer(__name__)
    app.testing = True

    @app.post("/")
    async def view() -> Any:
        return flask.request.get_data()

    with pytest.raises(RuntimeError, match=r"await request\.get_data\(\)"):
        app.test_client().post("/", data=b"x" * 2_000_000)


def test_header_names_with_underscores_are_dropped(lane: Lane) -> None:
    app = WebServer(__name__)
    app.add_url_rule("/", view_func=lane(lambda: str(flask.request.headers.get("X-Forwarded-For"))), endpoint="view")
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s: 1.2.3.4\r\n\r\n"
    with served(app) as url:
        assert raw_exchange(url, request % b"X_Forwarded_For").endswith(b"None")
        assert raw_exchange(url, request % b"X-Forwarded-For").endswith(b"1.2.3.4")


def test_untrusted_host(lane: Lane) -> None:
    app = WebServer(__name__)
    app.config["TRUSTED_HOSTS"] = ["good.example"]
    app.add_url_rule("/", view_func=lane(lambda: flask.request.host), endpoint="view")
    client = app.test_client()
    assert client.get("/", base_url="http://good.example").text == "good.example"
    assert client.get("/", base_url="http://bad.example").status_code == 400


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"worker_threads": 0}, ValueError, "worker_threads must be a number of threads, at least 1, not 0"),
        ({"worker_threads": "8"}, ValueError, "worker_threads must be a number of threads"),
        ({"worker_threads": True}, ValueError, "worker_threads must be a number of threads"),
        ({"port": 70000}, ValueError, "port must be a number from 0 to 65535, not 70000"),
        ({"port": "80"}, ValueError, "port must be a number from 0 to 65535, not '80'"),
        ({"host": 127}, TypeError, "host must be a string such as '127.0.0.1', not 127"),
        ({"nonsense": 1}, TypeError, "unexpected keyword argument 'nonsense'.*host, port, worker_threads"),
    ],
)
def test_wrong_settings_fail_at_construction(settings: dict[str, Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        WebServer(__name__, **settings)
