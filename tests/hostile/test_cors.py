"""Origins that try to pass for others. What may be set at all is in tests/policy/test_origins.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aeros_compat import WebServer
from aeros_compat.serving.protocol import HTTPProtocol

from ..servers import served

if TYPE_CHECKING:
    from ..conftest import Lane

GOOD = ["https://good.test", "https://app.good.test"]
EVIL = """null NULL https://good.test.evil.test https://evilgood.test https://good.testevil https://good.test:8443
http://good.test https://good.test/ https://good.test@evil.test https://evil.test/https://good.test https://goodxtest
https://app.good.test.evil.test https://xapp.good.test.evil https://a.b.good.test.evil https://.good.test https://good
https://good.test,https://evil.test https://good.test%60.evil.test https://good.test_.evil.test file:// * good.test
https://good.test\\.evil.test https://evil.test#.good.test https://evil.test?.good.test"""
SETTINGS: list[Any] = [
    GOOD,
    ["https://good.test", "https://*.good.test"],
    re.compile(r"https://(app\.)?good\.test"),
]


@pytest.mark.parametrize("origins", SETTINGS, ids=["exact", "wildcard", "pattern"])
def test_strangers_get_no_leave(lane: Lane, origins: Any) -> None:
    app = WebServer(__name__, cors={"origins": origins, "supports_credentials": True})
    app.add_url_rule("/", view_func=lane(lambda: "mine"), endpoint="view")
    asked = {"Access-Control-Request-Method": "GET"}
    wrong = []
    with served(app, http=HTTPProtocol) as url, httpx.Client() as client:
        for origin in GOOD:
            response = client.get(url, headers={"Origin": origin})
            assert response.headers["Access-Control-Allow-Origin"] == origin
            assert response.headers["Access-Control-Allow-Credentials"] == "true"
            assert "Origin" in response.headers["Vary"]
        for origin in EVIL.split():
            for response in (
                client.get(url, headers={"Origin": origin}),
                client.options(url, headers={"Origin": origin, **asked}),
                client.get(url, headers=[("Origin", GOOD[0]), ("Origin", origin)]),
            ):
                if response.headers.keys() & {"access-control-allow-origin", "access-control-allow-credentials"}:
                    wrong.append(origin)
                assert "Origin" in response.headers["Vary"]
    assert wrong == []


def test_everybody_gets_no_credentials(lane: Lane) -> None:
    app = WebServer(__name__, cors=True)
    app.add_url_rule("/", view_func=lane(lambda: "public"), endpoint="view")
    response = app.test_client().get("/", headers={"Origin": "https://evil.test", "Cookie": "a=b"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers
    with pytest.raises(ValueError, match="Name the origins"):
        WebServer(__name__, cors={"origins": "*", "supports_credentials": True})
