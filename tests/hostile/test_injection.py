"""What a client has written must not become a header, or an answer, of its own (CWE-113)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import flask
import pytest
import quart

from aeros_compat.serving.protocol import HTTPProtocol

from ..servers import raw_exchange, served

if TYPE_CHECKING:
    from collections.abc import Callable

    from aeros_compat import WebServer

    from ..conftest import Lane

EVIL = "x\r\nX-Injected: 1\r\n\r\n<script>"


def value_of_header(text: str) -> Any:
    return "ok", {"X-Echo": text}


def name_of_header(text: str) -> Any:
    return "ok", {text: "1"}


def cookie(text: str) -> Any:
    response = flask.make_response("ok")
    response.set_cookie("name", text)
    return response


def name_of_cookie(text: str) -> Any:
    response = flask.make_response("ok")
    response.set_cookie(text, "1")
    return response


def path_of_cookie(text: str) -> Any:
    response = flask.make_response("ok")
    response.set_cookie("name", "1", path=text)
    return response


def redirection(text: str) -> Any:
    return flask.redirect(text)


def media_type(text: str) -> Any:
    return flask.Response("ok", content_type=text)


def file_name(text: str) -> Any:
    return flask.send_file(__file__, as_attachment=True, download_name=text)


def status(text: str) -> Any:
    return "ok", f"200 {text}"


def of_quart(text: str) -> Any:
    return quart.Response("ok", headers={"X-Echo": text})


def name_of_quart(text: str) -> Any:
    return quart.Response("ok", headers={text: "1"})


VIEWS: list[Callable[[str], Any]] = [
    value_of_header,
    name_of_header,
    cookie,
    name_of_cookie,
    path_of_cookie,
    redirection,
    media_type,
    file_name,
    status,
    of_quart,
    name_of_quart,
]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=["CRLF", "LF", "CR"])
def test_responses_of_views(app: WebServer, lane: Lane, end: str) -> None:
    app.testing = False
    for view in VIEWS:
        echo: Any = lane(lambda view=view: view(flask.request.args["text"]))
        app.add_url_rule(f"/{view.__name__}", view_func=echo, endpoint=view.__name__)
    found = []
    with served(app, http=HTTPProtocol) as url:
        for view in VIEWS:
            text = quote(EVIL.replace("\r\n", end))
            request = f"GET /{view.__name__}?text={text} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            head = raw_exchange(url, request.encode()).partition(b"\r\n\r\n")[0]
            assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 302", b"HTTP/1.1 500")), view
            lines = head.replace(b"\r", b"\n").split(b"\n")
            if any(line.lower().startswith(b"x-injected") for line in lines):
                found.append(view.__name__)
    assert found == []


@pytest.mark.parametrize("header", [("X-Echo", EVIL), (EVIL, "1"), ("X", "a\0b")], ids=["value", "name", "NUL"])
def test_applications_without_werkzeug(app: WebServer, header: tuple[str, str]) -> None:
    """Mounted, and middleware that answers by itself."""

    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [header])
        return [b"ok"]

    app.testing = False
    app.mount("/mounted", application)
    original = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        chosen = application if environ["PATH_INFO"] == "/middleware" else original
        return chosen(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    with served(app, http=HTTPProtocol) as url:
        for path in (b"/mounted", b"/middleware"):
            answer = raw_exchange(url, b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path)
            assert answer.startswith(b"HTTP/1.1 500")
            assert b"Injected" not in answer
