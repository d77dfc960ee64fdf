"""Signed sessions: the same cookies as Flask's, in both directions."""

from __future__ import annotations

import hashlib

import flask
import pytest
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature

from aeros_compat import WebServer
from aeros_compat.signing import SignedSessions

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
