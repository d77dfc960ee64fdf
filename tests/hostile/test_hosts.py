"""Clients that say who they ask, or who they are (CWE-348, CWE-644)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import flask
import pytest

from aeros_compat import WebServer
from aeros_compat.serving.protocol import HTTPProtocol
from aeros_compat.serving.settings import Settings

from ..servers import raw_exchange, served

if TYPE_CHECKING:
    from ..conftest import Lane

BAD = [
    b"evil.test",
    b"good.test.evil.test",
    b"evilgood.test",
    b"good.test@evil.test",
    b"good.test:80@evil.test",
    b"",
    b"a b",
]
BAD += [
    b"good.test/evil",
    b"good.test?x",
    b"good.test#x",
    b"good.test:http",
    b"[::1",
    b"good.test\\.evil.test",
    b"\xff",
]


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1.1 (\d+)", answer)
    assert found is not None
    return int(found[1])


def test_only_trusted_hosts(app: WebServer, lane: Lane) -> None:
    app.testing = False
    app.config["TRUSTED_HOSTS"] = ["good.test", ".sub.test"]
    app.add_url_rule("/", view_func=lane(lambda: flask.url_for("view", _external=True)), endpoint="view")
    with served(app, http=HTTPProtocol) as url:

        def ask(*hosts: bytes) -> bytes:
            lines = b"".join(b"Host: %s\r\n" % host for host in hosts)
            return raw_exchange(url, b"GET / HTTP/1.1\r\n" + lines + b"Connection: close\r\n\r\n")

        assert ask(b"good.test").endswith(b"http://good.test/")
        assert ask(b"a.sub.test:81").endswith(b"http://a.sub.test:81/")
        assert [host for host in BAD if status_of(ask(host)) != 400] == []
        assert status_of(ask(b"good.test", b"evil.test")) == 400
        # The target of a request in absolute form stands above the header (RFC 9112 section 3.2.2); the header is what
        # Flask looks at, and it is checked.
        absolute = b"GET http://good.test/ HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n"
        assert status_of(raw_exchange(url, absolute)) == 400


def test_server_name_with_routes_by_host(lane: Lane) -> None:
    app = WebServer(__name__, host_matching=True, static_host="good.test")
    app.add_url_rule("/", host="good.test", view_func=lane(lambda: "public"), endpoint="public")
    app.add_url_rule("/", host="admin.test", view_func=lane(lambda: "admin"), endpoint="admin")
    client = app.test_client()
    assert client.get("/", base_url="http://good.test").text == "public"
    for headers in ({"X-Forwarded-Host": "admin.test"}, {"Forwarded": "host=admin.test"}, {"X-Host": "admin.test"}):
        assert client.get("/", base_url="http://good.test", headers=headers).text == "public"
    assert client.get("/", base_url="http://admin.test.evil.test").status_code == 404


def test_forged_headers_of_proxies(app: WebServer, lane: Lane) -> None:
    """With what ``app.run()`` gives to uvicorn, whoever connects."""

    def view() -> str:
        request = flask.request
        return f"{request.remote_addr} {request.scheme} {request.host} {request.script_root!r} {request.remote_user}"

    app.add_url_rule("/", view_func=lane(view), endpoint="view")
    options = Settings.of(app, None, None, {}).uvicorn
    assert (options["proxy_headers"], options["http"]) == (False, HTTPProtocol)
    forged = b"".join(
        b"%s: %s\r\n" % (name, value)
        for name, value in {
            b"X-Forwarded-For": b"9.9.9.9",
            b"X-Forwarded-Proto": b"https",
            b"X-Forwarded-Host": b"evil.test",
            b"X-Forwarded-Prefix": b"/evil",
            b"X-Forwarded-Port": b"1",
            b"X-Real-IP": b"9.9.9.9",
            b"Forwarded": b"for=9.9.9.9;proto=https;host=evil.test",
            b"Remote-Addr": b"9.9.9.9",
            b"Remote_Addr": b"9.9.9.9",
            b"Script-Name": b"/evil",
            b"Remote-User": b"admin",
            b"X-Script-Name": b"/evil",
        }.items()
    )
    with served(app, http=HTTPProtocol) as url:
        answer = raw_exchange(url, b"GET / HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n" + forged + b"\r\n")
    assert answer.endswith(b"127.0.0.1 http good.test '' None")


@pytest.mark.parametrize("name", ["x_forwarded_for", "x-forwarded_for", "X_Forwarded_For"])
def test_underscores_do_not_pass_for_hyphens(app: WebServer, lane: Lane, name: str) -> None:
    app.add_url_rule("/", view_func=lane(lambda: str(flask.request.headers.get("X-Forwarded-For"))), endpoint="view")
    with served(app, http=HTTPProtocol) as url:
        request = f"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{name}: 9.9.9.9\r\n\r\n"
        assert raw_exchange(url, request.encode()).endswith(b"None")
