"""Under servers that others start: no access line of ours, unless the application asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client

from ..programs import running
from ..servers import free_port, wait_for
from .programs import lines_with

if TYPE_CHECKING:
    from pathlib import Path

    from aeros_compat import WebServer

    from .conftest import Lines

MODULE = """
from aeros_compat import WebServer

app = WebServer(__name__)
ASKED

@app.get("/x")
async def x():
    return "hello"
"""


@pytest.mark.parametrize("asked", [False, True])
def test_uvicorn(tmp_path: Path, asked: bool) -> None:
    (tmp_path / "app.py").write_text(MODULE.replace("ASKED", "app.log_requests()" if asked else ""))
    port = free_port()
    options = ("--no-access-log",) if asked else ()
    with running("-m", "uvicorn", "app:app", "--port", str(port), *options, port=port, cwd=tmp_path) as server:
        server.get("/x")
        wait_for(lambda: "GET /x" in server.log)
        assert server.end() in (0, -15)
        (line,) = lines_with(server.log, "GET /x")
    assert ("async wait=" in line) is asked
    assert line.startswith("[" if asked else "INFO:")


def test_wsgi_servers_and_test_clients(app: WebServer, lines: Lines) -> None:
    app.add_url_rule("/x", view_func=lambda: "hello", endpoint="x")
    app.log_requests()
    app.log_requests()  # once is enough
    Client(app).get("/x")
    line = lines.wait_for_one()
    assert (line["path"], line["status"], line["bytes"], line["lane"]) == ("/x", 200, 5, "sync")
