"""Names of the WebServer's that an application uses for something of its own: refused at once, or of no consequence."""

from __future__ import annotations

from typing import Any

import flask
import pytest

from aeros_compat import WebServer
from aeros_compat.names import RESERVED


def names_beside_flasks() -> list[str]:
    return sorted(name for name in set(dir(WebServer)) - set(dir(flask.Flask)) if not name.startswith("_"))


def add_views(app: flask.Flask) -> None:
    async def in_async() -> str:
        return "async"

    app.add_url_rule("/sync", "sync", lambda: "sync")
    app.add_url_rule("/async", "async", in_async)


#: Which can be set only to what they are made for: what wraps all of the application.
MEANT_TO_BE_SET = {"asgi_app"}


@pytest.mark.parametrize("name", sorted({*names_beside_flasks(), *RESERVED} - MEANT_TO_BE_SET))
def test_an_attribute(name: str) -> None:
    app = WebServer(__name__)
    add_views(app)
    if name in RESERVED:
        with pytest.raises(AttributeError, match=rf"WebServer\.{name} cannot be set\. .*app\.extensions\['{name}'\]"):
            setattr(app, name, object())
    else:
        setattr(app, name, object())
    for lane in ("sync", "async"):
        assert app.test_client().get(f"/{lane}").text == lane


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_subclass(name: str) -> None:
    with pytest.raises(TypeError, match=rf"The class Application defines {name}\."):
        type("Application", (WebServer,), {name: object()})(__name__)
    assert type("Application", (WebServer,), {f"{name}_of_mine": object()})(__name__)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_an_application_of_flasks(name: str) -> None:
    app: Any = flask.Flask(__name__)
    add_views(app)
    setattr(app, name, "of mine")
    with pytest.raises(TypeError, match=rf"has set {name}\."):
        WebServer.from_flask(app)
    # It is what it was.
    assert type(app) is flask.Flask
    assert getattr(app, name) == "of mine"
    assert app.test_client().get("/sync").text == "sync"


def test_all_are_told_at_once() -> None:
    app: Any = flask.Flask(__name__)
    app.threads, app.router = [], {}
    with pytest.raises(TypeError, match=r"has set router, threads\. .*app\.extensions\['router'\]"):
        WebServer.from_flask(app)


def test_before_the_constructor() -> None:
    class Application(WebServer):
        def __init__(self) -> None:
            self.router = ["of mine"]  # type: ignore[assignment]
            super().__init__(__name__)

    with pytest.raises(AttributeError, match=r"Application\.router cannot be set"):
        Application()
