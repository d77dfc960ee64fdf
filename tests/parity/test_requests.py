"""Where requests come from: the URL map, access logs, HAR files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import click
import pytest
from flask import Blueprint, Flask
from werkzeug.routing import BaseConverter

from aeros_compat.parity.access_log import read_access_log
from aeros_compat.parity.har import read_har
from aeros_compat.parity.request import Request, read_corpus, replayed_headers, write_corpus
from aeros_compat.parity.url_map import requests_for

if TYPE_CHECKING:
    from pathlib import Path


def view(**values: Any) -> str:
    return "ok"


def targets(app: Flask, method: str = "GET") -> list[str]:
    return [request.target for request in requests_for(app)[0] if request.method == method]


class Nothing(BaseConverter):
    """Takes no text at all."""

    regex = r"(?=b)a"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("/plain", "/plain"),
        ("/<int:n>", "/1"),
        ("/<int(min=5):n>", "/5"),
        ("/<int(fixed_digits=3):n>", "/001"),
        ("/<float:n>", "/1.5"),
        ("/<path:p>/end", "/one/two.txt/end"),
        ("/<any(red, blue):c>", "/blue"),
        ("/<uuid:u>", "/12345678-1234-5678-1234-567812345678"),
        ("/<name>", "/gr%C3%B6%C3%9Fe%20%C3%BC"),
        ("/<string(length=2):code>", "/aa"),
        ("/<int:n>/<name>", "/1/example"),
    ],
)
def test_arguments_fit_their_converters(rule: str, expected: str) -> None:
    app = Flask(__name__, static_folder=None)
    app.add_url_rule(rule, view_func=view)
    made = targets(app)
    assert expected in made
    adapter = app.url_map.bind("localhost")
    for target in made[:-1]:
        assert adapter.match(target, "GET")[0] == "view", target


def test_rules_that_nothing_fits_are_named() -> None:
    app = Flask(__name__, static_folder=None)
    app.url_map.converters["nothing"] = Nothing
    app.add_url_rule("/<nothing:n>", view_func=view)
    app.add_url_rule("/<int:number>/<nothing:n>", view_func=view)
    requests, left_out = requests_for(app)
    assert sorted(left_out) == ["/<int:number>/<nothing:n>", "/<nothing:n>"]
    assert [request.target for request in requests] == ["/no/such/page/of/parity"]


@pytest.mark.parametrize(
    "regex",
    [
        "[Nn][1-9][0-9A-Za-z]{0,4}",
        r"[A-Z]{2}-\d{4}(?:\.pdf)?",
        "(?:red|blue)?[^/a-z]+",
        r"\d+x?",
        r"(?i:v)\d+\.\d+",
        "[^a1][^a]",
        r"[\W]\w*?[\s.]",
        "größe",
    ],
)
def test_converters_of_the_application_are_given_what_they_take(regex: str) -> None:
    class Own(BaseConverter):
        pass

    Own.regex = regex
    app = Flask(__name__, static_folder=None)
    app.url_map.converters["own"] = Own
    app.add_url_rule("/<own:n>", view_func=view)
    requests, left_out = requests_for(app)
    assert not left_out
    assert app.url_map.bind("localhost").match(unquote(requests[0].target))[0] == "view"


def test_methods_defaults_subdomains_and_static_files(tmp_path: Path) -> None:
    (tmp_path / "static" / "deep").mkdir(parents=True)
    (tmp_path / "static" / "deep" / "a b.txt").touch()
    app = Flask(__name__, root_path=str(tmp_path))
    app.config["SERVER_NAME"] = "example.org"
    blueprint = Blueprint("api", __name__, subdomain="api")
    blueprint.add_url_rule("/items", view_func=view, methods=["GET", "POST"])
    app.register_blueprint(blueprint)
    app.add_url_rule("/page/", view_func=view, endpoint="page", defaults={"n": 1})
    app.add_url_rule("/page/<int:n>", view_func=view, endpoint="page")
    requests = requests_for(app)[0]
    assert Request("POST", "/items", (("Host", "api.example.org"),)) in requests
    assert "/page/" in targets(app)
    assert targets(app, "HEAD")[0].startswith("/static/deep/a")


def test_access_logs() -> None:
    lines = [
        '127.0.0.1 - bob [10/Oct/2000:13:55:36 -0700] "GET /a?b=%20c HTTP/1.0" 200 2326 "http://x/" "Agent \\"1\\""',
        '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "POST /form HTTP/1.1" 302 -',
        '127.0.0.1 - - [10/Oct/2000:13:55:37 -0700] "POST /form HTTP/1.1" 302 -',
        '127.0.0.1 - - [10/Oct/2000:13:55:37 -0700] "\\x16\\x03" 400 -',
        '{"method": "GET", "path": "/json", "query": "q=1", "status": 200}',
        '{"message": "something else"}',
        '["no", "object"]',
        "{broken",
        '{"method": "GET", "path": 7}',
        "",
    ]
    requests, strange = read_access_log(lines)
    assert requests == [
        Request("GET", "/a?b=%20c", (("Referer", "http://x/"), ("User-Agent", 'Agent \\"1\\"'))),
        Request("POST", "/form"),
        Request("GET", "/json?q=1"),
    ]
    assert strange == 5


def test_har_files(tmp_path: Path) -> None:
    def entry(url: str, **more: Any) -> dict[str, Any]:
        headers = [{"name": ":path", "value": "/"}, {"name": "Accept", "value": "*/*"}, {"name": "Host", "value": "x"}]
        return {"request": {"method": "GET", "url": url, "headers": headers} | more}

    entries = [
        entry("https://shop.example/a?b=1"),
        entry("https://shop.example", method="POST", postData={"mimeType": "text/plain", "text": "ü"}),
        entry("https://tracker.example/pixel"),
    ]
    path = tmp_path / "visit.har"
    path.write_text(json.dumps({"log": {"entries": entries}}))
    accept = (("Accept", "*/*"),)
    assert read_har(path) == [
        Request("GET", "/a?b=1", accept, visit="visit.har"),
        Request("POST", "/", accept, "ü".encode(), "visit.har"),
    ]
    path.write_text("{}")
    with pytest.raises(click.ClickException, match=r"visit\.har is no HAR file"):
        read_har(path)


def test_corpus_files(tmp_path: Path) -> None:
    path = tmp_path / "corpus.json"
    requests = [Request("POST", "/a", (("X", "ü"),), b"\xff", "visit"), Request("GET", "/")]
    write_corpus(path, requests)
    assert read_corpus(path) == requests
    path.write_text("[]")
    with pytest.raises(click.ClickException, match="is no corpus"):
        read_corpus(path)


def test_headers_of_a_connection_are_not_replayed() -> None:
    headers = [("Connection", "close"), ("Content-Length", "3"), ("Accept-Encoding", "br, gzip"), ("X-Own", "1")]
    assert replayed_headers(headers) == (("X-Own", "1"), ("Accept-Encoding", "gzip"))
    assert replayed_headers([("Accept-Encoding", "br")]) == ()
