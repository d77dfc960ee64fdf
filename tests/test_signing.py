"""Signed sessions: the same cookies as Flask's, in both directions."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import flask
import pytest
import time_machine
from flask.sessions import SecureCookieSessionInterface
from hypothesis import given, settings
from hypothesis import strategies as some
from itsdangerous import BadData, BadSignature, SignatureExpired, URLSafeTimedSerializer
from markupsafe import Markup

from aeros_compat import WebServer
from aeros_compat.signing import SignedSessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Lane

SESSION = {"user": 7, "name": "J\u00f6rg", "flags": ("a", "b")}


def serializers(app: flask.Flask, **attributes: object) -> tuple[object, object]:
    """Flask's serializer, and ours."""
    made = []
    for kind in (SecureCookieSessionInterface, SignedSessions):
        interface = kind()
        for name, value in attributes.items():
            setattr(interface, name, value)
        made.append(interface.get_signing_serializer(app))
    return made[0], made[1]


@pytest.mark.parametrize(
    "attributes",
    [{}, {"salt": "another"}, {"digest_method": staticmethod(hashlib.sha256)}, {"key_derivation": "django-concat"}],
)
@pytest.mark.parametrize("key", ["text", b"bytes \xff"])
def test_each_reads_what_the_other_has_written(attributes: dict[str, object], key: str | bytes) -> None:
    app = flask.Flask("app")
    app.secret_key = key
    flasks, ours = serializers(app, **attributes)
    assert ours.loads(flasks.dumps(SESSION)) == flasks.loads(ours.dumps(SESSION)) == SESSION  # type: ignore[attr-defined]
    with pytest.raises(BadSignature):
        ours.loads(flasks.dumps(SESSION) + "x")  # type: ignore[attr-defined]


def test_keys_are_rotated_and_changed() -> None:
    app = flask.Flask("app")
    app.secret_key = "old"
    _, old = serializers(app)
    cookie = old.dumps(SESSION)  # type: ignore[attr-defined]
    app.config["SECRET_KEY_FALLBACKS"] = ["old"]
    app.secret_key = "new"
    flasks, ours = serializers(app)
    assert ours.loads(cookie) == SESSION  # type: ignore[attr-defined]
    assert flasks.loads(ours.dumps(SESSION)) == SESSION  # type: ignore[attr-defined]
    app.config["SECRET_KEY_FALLBACKS"] = None
    for serializer in serializers(app):
        with pytest.raises(BadSignature):
            serializer.loads(cookie)  # type: ignore[attr-defined]


def test_two_applications_do_not_share_keys(app: WebServer) -> None:
    other = WebServer("other")
    other.secret_key = "another one"
    for one in (app, other):
        one.add_url_rule("/", "index", lambda: flask.session.setdefault("name", one.name))  # noqa: B023
    first = app.test_client()
    first.get("/")
    cookie = first.get_cookie("session")
    assert cookie is not None
    client = other.test_client()
    client.set_cookie("session", cookie.value)
    assert client.get("/").text == "other"


@pytest.mark.parametrize("key", [None, ""])
def test_no_key_is_no_session(app: WebServer, key: str | None) -> None:
    app.secret_key = key
    assert SignedSessions().get_signing_serializer(app) is None


plain = some.none() | some.booleans() | some.integers() | some.text() | some.binary() | some.uuids()
values = some.recursive(plain, lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner), max_leaves=8)


@settings(deadline=None)
@given(some.dictionaries(some.text(), values, max_size=5))
def test_cookies_are_flasks_byte_by_byte(session: dict[str, Any]) -> None:
    app = flask.Flask("app")
    app.secret_key = "a key"
    flasks: Any
    ours: Any
    flasks, ours = serializers(app)
    with time_machine.travel(1_800_000_000, tick=False):
        cookie = flasks.dumps(session)
        assert ours.dumps(session) == cookie
        assert ours.loads(cookie, max_age=10) == flasks.loads(cookie, max_age=10)


def signed(payload: bytes, *, stamp: bytes | None = None) -> str:
    """What somebody who has the key may have written."""
    app = flask.Flask("app")
    app.secret_key = "a key"
    serializer: Any = SecureCookieSessionInterface().get_signing_serializer(app)
    signer = serializer.make_signer()
    if stamp is None:
        return cast("str", signer.sign(payload).decode())
    value = payload + b"." + stamp
    return cast("str", (value + b"." + signer.get_signature(value)).decode())


MALFORMED = [
    "",
    ".",
    "..",
    "a.b.c",
    "\xff.\xff.\xff",
    "no dots at all",
    signed(b"e30"),
    signed(b"e30") + "=",
    signed(b"e30")[:-1],
    signed(b"e30").swapcase(),
    signed(b"not json"),
    signed(b".bm90IHpsaWI"),
    signed(b"_w"),
    signed(b"!"),
    signed(b""),
    signed(b"e30", stamp=b""),
    signed(b"e30", stamp=b"AAAAAAAAAAAAAAAA"),
    signed(b"e30", stamp=b"!"),
]


@pytest.mark.parametrize("cookie", MALFORMED, ids=map(str, range(len(MALFORMED))))  # some have the time in them
def test_what_is_wrong_with_a_cookie_is_what_itsdangerous_says(cookie: str) -> None:
    app = flask.Flask("app")
    app.secret_key = "a key"
    outcomes = []
    for serializer in serializers(app):
        try:
            outcomes.append(serializer.loads(cookie, max_age=100))  # type: ignore[attr-defined]
        except BadData as error:
            outcomes.append((type(error), str(error)))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("later", [-1, 0, 10, 11])
def test_cookies_expire_as_flasks_do(later: int) -> None:
    app = flask.Flask("app")
    app.secret_key = "a key"
    flasks: Any
    ours: Any
    flasks, ours = serializers(app)
    assert type(flasks) is URLSafeTimedSerializer
    with time_machine.travel(1_800_000_000, tick=False):
        cookie = flasks.dumps(SESSION)
    with time_machine.travel(1_800_000_000 + later, tick=False):
        for serializer in (flasks, ours):
            if 0 <= later <= 10:
                assert serializer.loads(cookie, max_age=10) == SESSION
            else:
                with pytest.raises(SignatureExpired):
                    serializer.loads(cookie, max_age=10)


def clear() -> str:
    flask.session.clear()
    return "text"


def keep() -> str:
    flask.session.permanent = True
    return "text"


def changed(value: object, rv: Any = "text") -> Any:
    flask.session["a"] = value
    return rv


TYPES = (1, b"x", Markup("<b>"), UUID(int=3), datetime(2026, 1, 1, tzinfo=UTC), {" t": 1})
VIEWS: dict[str, Callable[[], Any]] = {
    "changes": lambda: changed(1),
    "reads": lambda: str(flask.session.get("a")),
    "clears": clear,
    "nothing": lambda: "text",
    "response": lambda: changed(1, flask.jsonify(1)),
    "no_content": lambda: changed(1, ("", 204)),
    "varies": lambda: changed(1, flask.Response("x", headers={"vary": "Accept"})),
    "stream": lambda: changed(1, flask.Response(iter(["x"]))),
    "permanent": keep,
    "types": lambda: changed(TYPES),
    "large": lambda: changed([str(number) for number in range(400)]),
    "unfit": lambda: changed(object()),
    "two_cookies": lambda: changed(1, ("", 200, [("Set-Cookie", "b=2")])),
}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"SESSION_COOKIE_DOMAIN": "localhost", "SESSION_COOKIE_PATH": "/a b", "SESSION_COOKIE_SAMESITE": "lax"},
    {"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_PARTITIONED": True, "SESSION_COOKIE_HTTPONLY": False},
    {"SESSION_COOKIE_NAME": "s\u00e9ance"},
    {"SESSION_REFRESH_EACH_REQUEST": False, "PERMANENT_SESSION_LIFETIME": timedelta(seconds=5)},
]


@pytest.mark.filterwarnings("ignore:The .* cookie is too large")
@pytest.mark.parametrize("config", SETTINGS)
@pytest.mark.parametrize("cookies", ["", "session=forged.x.y", "other=1; session=forged; session=again", "="])
def test_headers_are_flasks(lane: Lane, config: dict[str, Any], cookies: str) -> None:
    outcomes = []
    for app in (flask.Flask("tests"), WebServer("tests", compression=None)):
        app.config.update(config, SECRET_KEY="a key")
        for name, view in VIEWS.items():
            app.add_url_rule(f"/{name}", name, lane(view) if isinstance(app, WebServer) else view)
        client = app.test_client(use_cookies=False)
        found = []
        with time_machine.travel(1_800_000_000, tick=False):
            for name in VIEWS:
                response = client.get(f"/{name}", headers={"Cookie": cookies} if cookies else None)
                found.append((name, response.status, list(response.headers)))
                jar = [value.partition(";")[0] for value in response.headers.getlist("Set-Cookie")]
                response = client.get("/reads", headers={"Cookie": "; ".join(jar)})
                found.append((name, response.text, list(response.headers)))
        outcomes.append(found)
    assert outcomes[1] == outcomes[0]
