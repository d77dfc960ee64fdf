"""Who gets the debugger: ``flask run`` through the WSGI entry, ``app.run`` if it is asked to, and nobody else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx
import pytest

from ..servers import free_port, process
from .page import PIN, Page

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
from aeros_compat import WebServer
import flask

app = WebServer(__name__)

@app.get("/sync")
def in_sync():
    answer = 41
    return str(answer / 0)

@app.get("/async")
async def in_async():
    answer = 41
    return str(answer / 0)

@app.get("/console")
def console():
    return "the application's own"
"""


def check_page(client: httpx.Client, url: str, lane: str) -> None:
    page = Page(client, f"{url}/{lane}?name=value")
    assert page.answer.status_code == 500
    page.enter_pin()
    assert page.evaluate("answer + 1", f"in_{lane}") == "42"
    assert page.evaluate("flask.request.args['name']", f"in_{lane}") == "'value'"


def test_flask_run(tmp_path: Path) -> None:
    """Werkzeug's server and its debugger around ``app(environ, start_response)``."""
    (tmp_path / "module.py").write_text(MODULE)
    port = free_port()
    command = ("flask", "--app", "module", "run", "--debug", "--no-reload", "--port", str(port))
    env = {**os.environ, "WERKZEUG_DEBUG_PIN": PIN}
    with process(*command, port=port, cwd=tmp_path, env=env) as url, httpx.Client() as client:
        for lane in ("sync", "async"):
            check_page(client, url, lane)


@pytest.mark.parametrize(
    ("options", "debug", "has_debugger"),
    [
        ("debug=True, use_reloader=False", "", True),
        ("use_reloader=False", "1", True),
        ("debug=True, use_reloader=False, use_debugger=False", "", False),
        ("", "", False),
        ("use_debugger=False, use_reloader=False", "1", False),
        ("debug=False", "1", False),
    ],
)
def test_app_run(tmp_path: Path, options: str, debug: str, has_debugger: bool) -> None:
    port = free_port()
    (tmp_path / "module.py").write_text(f"{MODULE}\nif __name__ == '__main__':\n    app.run(port={port}, {options})\n")
    env = {**os.environ, "WERKZEUG_DEBUG_PIN": PIN, "FLASK_DEBUG": debug}
    with process("module", port=port, cwd=tmp_path, env=env) as url, httpx.Client() as client:
        if has_debugger:
            check_page(client, url, "sync")
            assert "EVALEX" in client.get(f"{url}/console").text
        else:
            assert "EVALEX" not in client.get(f"{url}/async").text
            assert client.get(f"{url}/console").text == "the application's own"
            assert client.get(f"{url}/?__debugger__=yes&cmd=resource&f=debugger.js").status_code == 404
