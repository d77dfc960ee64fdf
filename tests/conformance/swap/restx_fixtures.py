"""The fixtures of Flask-RESTX's tests, for ``-p``: its sdist carries the tests without their ``conftest.py``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import flask
import pytest
from flask.testing import FlaskClient

if TYPE_CHECKING:
    from collections.abc import Iterator


class Client(FlaskClient):
    """A test client with the shortcuts that the tests use."""

    def get_json(self, url: str, status: int = 200, **kwargs: Any) -> Any:
        return _json_of(self.get(url, **kwargs), status)

    def post_json(self, url: str, data: Any, status: int = 200, **kwargs: Any) -> Any:
        return _json_of(self.post(url, json=data, **kwargs), status)

    def get_specs(self, prefix: str = "", status: int = 200, **kwargs: Any) -> Any:
        return self.get_json(f"{prefix}/swagger.json", status, **kwargs)


def _json_of(response: Any, status: int) -> Any:
    assert (response.status_code, response.content_type) == (status, "application/json")
    return response.get_json()


@pytest.fixture
def app() -> flask.Flask:
    app = flask.Flask(__name__)
    app.test_client_class = Client
    return app


@pytest.fixture
def api(request: pytest.FixtureRequest, app: flask.Flask) -> Any:
    """An Api on a blueprint of its own; ``@pytest.mark.api`` says how."""
    marker = request.node.get_closest_marker("api")
    options = dict(marker.kwargs) if marker else {}
    places = {"url_prefix": options.pop("prefix", None), "subdomain": options.pop("subdomain", None)}
    blueprint = flask.Blueprint("api", __name__, **places)
    api = import_module("flask_restx").Api(blueprint, **options)
    app.register_blueprint(blueprint)
    return api


@pytest.fixture
def client(app: flask.Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(autouse=True)
def marked_request_context(request: pytest.FixtureRequest, _push_request_context: None) -> Iterator[None]:
    """The request context that ``@pytest.mark.request_context`` asks for, over the one that pytest-flask pushes."""
    marker = request.node.get_closest_marker("request_context")
    if marker is None:
        yield
        return
    with request.getfixturevalue("app").test_request_context(*marker.args, **marker.kwargs):
        yield
