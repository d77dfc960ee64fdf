"""JSON as Flask writes it, byte for byte."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import uuid
from typing import TYPE_CHECKING, Any

import flask
import pytest
from flask.json.provider import DefaultJSONProvider
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from aeros_compat import WebServer
from aeros_compat.json_provider import JSONProvider

if TYPE_CHECKING:
    from .conftest import Lane


@dataclasses.dataclass
class Point:
    x: int
    y: Any


_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals() | st.uuids() | st.datetimes()
)
values = st.recursive(
    _scalars | st.builds(Point, st.integers(), st.text()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)
styles = st.fixed_dictionaries(
    {},
    optional={
        "ensure_ascii": st.booleans(),
        "sort_keys": st.booleans(),
        "compact": st.none() | st.booleans(),
        "mimetype": st.sampled_from(["application/json", "application/vnd.api+json", "text/json"]),
    },
)


def providers(**style: Any) -> tuple[Any, Any]:
    """Ours and Flask's, each with a style."""
    kept.extend((WebServer("tests.json"), flask.Flask("tests.json")))
    ours, flasks = JSONProvider(kept[-2]), DefaultJSONProvider(kept[-1])
    for provider in (ours, flasks):
        vars(provider).update(style)
    return ours, flasks


kept: list[flask.Flask] = []  # a provider knows its application by a weak reference


@given(values, styles, st.booleans())
def test_text_and_responses_are_flasks(value: Any, style: dict[str, Any], debug: bool) -> None:
    ours, flasks = providers(**style)
    kept[-2].debug = kept[-1].debug = debug
    for _ in range(2):  # with a new encoder, and with the one that is kept
        assert ours.dumps(value) == flasks.dumps(value)
        assert ours.dumps(value, indent=1) == flasks.dumps(value, indent=1)
        mine, theirs = ours.response(value), flasks.response(value)
        assert mine.get_data() == theirs.get_data()
        assert list(mine.headers) == list(theirs.headers)
        assert (mine.status, type(mine)) == (theirs.status, type(theirs))
    assert ours.response(value, value).get_data() == flasks.response(value, value).get_data()
    assert ours.response(a=value).get_data() == flasks.response(a=value).get_data()
    assert ours.response().get_data() == flasks.response().get_data()
    kept.clear()


def test_settings_may_change_at_any_time() -> None:
    ours, _ = providers()
    assert ours.dumps({"b": "ä", "a": 1}) == r'{"a": 1, "b": "\u00e4"}'
    ours.ensure_ascii = False
    ours.sort_keys = False
    assert ours.dumps({"b": "ä", "a": 1}) == '{"b": "ä", "a": 1}'
    ours.default = repr
    assert ours.dumps([1j]) == '["1j"]'
    assert ours.dumps([1j], default=str) == '["1j"]'
    assert ours.dumps({"b": 1, "a": 2}, sort_keys=True) == '{"a": 2, "b": 1}'


def test_failures_are_flasks() -> None:
    ours, flasks = providers()
    circle: list[Any] = []
    circle.append(circle)
    for value in (object(), circle, {1: 1, "a": 2}, {(1, 2): 3}):
        with pytest.raises((TypeError, ValueError)) as theirs:
            flasks.dumps(value)
        for _ in range(2):
            with pytest.raises(type(theirs.value)) as mine:
                ours.dumps(value)
            assert str(mine.value) == str(theirs.value)
    with pytest.raises(TypeError, match="either args or kwargs"):
        ours.response(1, a=2)
    assert ours.dumps([1]) == "[1]"  # nothing is left of what failed


def test_each_response_is_its_own(app: WebServer, lane: Lane) -> None:
    provider: Any = app.json
    first, second = provider.response([1]), provider.response([2])
    first.headers["X-One"] = "1"
    first.call_on_close(lambda: None)
    first.status_code = 201
    assert (second.status_code, list(second.headers.keys())) == (200, ["Content-Type", "Content-Length"])
    assert second.get_data() == b"[2]\n"

    def view() -> Any:
        response = flask.jsonify(uuid.UUID(int=1), decimal.Decimal("1.5"), datetime.date(2020, 1, 1), Markup("<b>"))
        response.set_cookie("seen", "1")
        return response, 202

    app.add_url_rule("/", "view", lane(view))
    answer = app.test_client().get("/")
    assert answer.status_code == 202
    assert answer.headers["Set-Cookie"] == "seen=1; Path=/"
    assert answer.get_json()[1:] == ["1.5", "Wed, 01 Jan 2020 00:00:00 GMT", "<b>"]


def test_a_response_class_of_ones_own(app: WebServer, lane: Lane) -> None:
    class Own(flask.Response):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.headers["X-Own"] = "1"

    app.response_class = Own
    app.add_url_rule("/", "view", lane(lambda: flask.jsonify(1)))
    assert app.test_client().get("/").headers["X-Own"] == "1"


class Upper(DefaultJSONProvider):
    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps(obj, **kwargs).upper()


@pytest.mark.parametrize("view", [lambda: {"a": "b"}, lambda: flask.jsonify({"a": "b"})])
def test_a_provider_of_ones_own(app: WebServer, lane: Lane, view: Any) -> None:
    app.json = Upper(app)
    app.add_url_rule("/", "view", lane(view))
    assert app.test_client().get("/").get_data() == b'{"A":"B"}\n'


def test_an_application_that_was_flasks_keeps_its_provider() -> None:
    plain = flask.Flask("tests.json")
    provider = plain.json
    provider.sort_keys = False  # type: ignore[attr-defined]
    app = WebServer.from_flask(plain)
    assert app.json is provider
    assert isinstance(provider, JSONProvider)
    assert app.json.dumps({"b": 1, "a": 2}) == '{"b": 1, "a": 2}'

    own = flask.Flask("tests.json")
    own.json = Upper(own)
    assert type(WebServer.from_flask(own).json) is Upper

    refused = flask.Flask("tests.json")
    with pytest.raises(ValueError, match="worker_threads"):
        WebServer.from_flask(refused, worker_threads=0)
    assert type(refused.json) is DefaultJSONProvider
