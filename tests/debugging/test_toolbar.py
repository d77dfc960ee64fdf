"""Flask-DebugToolbar, the real one, in both lanes."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart
from flask_debugtoolbar import DebugToolbarExtension
from flask_sqlalchemy import SQLAlchemy

from aeros_compat.debugging.debugger import with_debugger

from ..servers import served
from .page import PIN, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aeros_compat import WebServer

    from ..conftest import Lane

THEIRS = "flask_debugtoolbar.panels.logger.LoggingPanel"
OURS = "aeros_compat.debugging.toolbar.LoggingPanel"
PAGE = "<html><body>{{ word }}</body></html>"


@pytest.fixture
def app(app: WebServer) -> Iterator[WebServer]:
    handlers = list(logging.root.handlers)
    app.testing = False
    app.debug = True
    app.config.update(SQLALCHEMY_DATABASE_URI="sqlite://", SQLALCHEMY_RECORD_QUERIES=True)
    app.config["DEBUG_TB_PANELS"] = [
        OURS if panel == THEIRS else panel for panel in DebugToolbarExtension()._default_config(app)["DEBUG_TB_PANELS"]
    ]
    database = SQLAlchemy(app)
    DebugToolbarExtension(app)
    app.extensions["ask"] = lambda number: database.session.execute(database.text(f"select {number}")).scalar_one()
    yield app
    with app.app_context():
        database.engine.dispose()
    logging.root.handlers[:] = handlers


def panel(text: str, name: str) -> str:
    """What the toolbar says next to the title of a panel."""
    found = re.search(rf"{name}\s*<br\s*/?>\s*<small>(.*?)</small>", text, flags=re.DOTALL)
    assert found, f"no panel {name}"
    return found.group(1).strip()


def add_view(app: WebServer, lane: Lane) -> None:
    @app.get("/page/<int:number>")
    @lane
    def page(number: int) -> str:
        app.extensions["ask"](number)
        for _ in range(number):
            app.logger.warning("message %d of the view", number)
        return flask.render_template_string(PAGE, word=number)


def test_panels(app: WebServer, lane: Lane) -> None:
    add_view(app, lane)
    with served(app) as url:
        for number in (1, 2, 3):
            text = httpx.get(f"{url}/page/{number}").text
            assert f"<body>{number}" in text
            assert panel(text, "SQLAlchemy") == "1 query"
            assert panel(text, "Templates") == "1 rendered"
            assert panel(text, "Logging") == f"{number} message{'' if number == 1 else 's'}"
            assert text.count(f"message {number} of the view") == number
            assert "CPU" in panel(text, "Time")
            assert "/page/&lt;int:number&gt;" in text or "/page/<int:number>" in text
        script = re.search(r'src="(/_debug_toolbar/static/[^"]+)"', text)
        assert script
        assert httpx.get(url + script.group(1)).status_code == 200


def test_templates_rendered_by_quart(app: WebServer) -> None:
    @app.get("/page")
    async def page() -> str:
        return await quart.render_template_string(PAGE, word="awaited")

    with served(app) as url:
        text = httpx.get(f"{url}/page").text
    assert "<body>awaited" in text
    assert panel(text, "Templates") == "1 rendered"


def test_profiler(app: WebServer, lane: Lane) -> None:
    add_view(app, lane)
    with served(app) as url:
        text = httpx.get(f"{url}/page/1", cookies={"fldt_active": "flDebugProfilerPanel"}).text
    assert "<body>1" in text
    assert "View:" in panel(text, "Profiler")


def test_redirects_are_intercepted(app: WebServer, lane: Lane) -> None:
    @app.get("/away")
    @lane
    def away() -> Any:
        return flask.redirect("/elsewhere")

    with served(app) as url:
        answer = httpx.get(f"{url}/away")
    assert answer.status_code == 200
    assert 'href="/elsewhere"' in answer.text


def test_error_handlers_and_the_debugger(app: WebServer, lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toolbar calls views past ``ensure_sync``; what an async one raises still takes Flask's way."""
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", PIN)

    @app.errorhandler(KeyError)
    def handle(error: KeyError) -> tuple[str, int]:
        return f"<html><body>handled {error}</body></html>", 400

    @app.get("/handled")
    @lane
    def handled() -> str:
        raise KeyError("key")

    @app.get("/fails")
    @lane
    def fails() -> str:
        answer = 41
        return str(answer / 0)

    with served(with_debugger(app, host="127.0.0.1")) as url, httpx.Client() as client:
        answer = client.get(f"{url}/handled")
        assert answer.status_code == 400
        assert "handled &#39;key&#39;" in answer.text or "handled 'key'" in answer.text
        assert panel(answer.text, "Logging") == "0 messages"
        page = Page(client, f"{url}/fails?name=value")
        page.enter_pin()
        assert page.evaluate("answer + 1", "fails") == "42"
        assert page.evaluate("import flask; flask.request.args['name']", "fails") == "'value'"
