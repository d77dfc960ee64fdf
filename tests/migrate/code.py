"""Views as text: converted, and run beside what they were before."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from aeros_compat.lanes.choice import lane_of
from aeros_compat.migrate.asyncify import Outcome, asyncify
from aeros_compat.migrate.catalogue import selected

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: What is above the views of a test.
HEAD = """\
from aeros_compat import WebServer
from flask import jsonify, request, session

app = WebServer(__name__)
app.secret_key = "only for tests"
"""
#: What is below them where the views open connections.
CLOSE = """

@app.teardown_appcontext
def close(error):
    if "db" in g:
        g.db.close()
"""
VIEW = '\n\n@app.route("/", methods=["GET", "POST"])\ndef view():\n'


def module(body: str, head: str = "") -> str:
    """A module with the lines of ``head``, and a view with those of ``body``."""
    return textwrap.dedent(head) + HEAD + VIEW + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n"


def convert(
    folder: Path,
    code: str,
    *views: str,
    follow: bool = False,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
) -> tuple[str, Outcome]:
    """The code of ``shop.py`` with views converted, and what is told about it."""
    path = folder / "shop.py"
    path.write_text(code)
    outcome = asyncify([f"{path}::{view}" for view in views or ["view"]], selected(only, skip), follow)
    for source, content in outcome.changed:
        source.write(content)
    return path.read_text(), outcome


def view_of(code: str, name: str = "view") -> str:
    """The body of a view, without indentation."""
    text = code.partition(f"def {name}(")[2].partition("\n")[2].partition("\n\n\n")[0]
    return textwrap.dedent(text).strip("\n")


def told(outcome: Outcome) -> str:
    """All that is told about the first view."""
    report = outcome.reports[0]
    return "\n".join([report.verdict, *(f"{each.line} {each.rule}: {each.text}" for each in report.findings)])


def app_of(code: str) -> Any:
    names: dict[str, Any] = {"__name__": "shop"}
    exec(compile(code, "shop.py", "exec"), names)
    return names["app"]


def is_on_loop(app: Any, endpoint: str = "view", method: str = "GET") -> bool:
    """Whether a view takes the async lane."""
    return lane_of(app, app.view_functions[endpoint], method) == ("async", "")


def answers(code: str, *requests: dict[str, Any]) -> list[tuple[int, str, bytes]]:
    """Status, type and body of the answers to requests, one after the other, by one client."""
    with app_of(code).test_client() as client:
        given = [client.open(**request) for request in requests or [{"path": "/"}]]
        return [(answer.status_code, answer.content_type, answer.data) for answer in given]


def same_answers(folder: Path, code: str, *requests: dict[str, Any], **options: Any) -> str:
    """The converted code, which answers as before, and on the event loop."""
    changed, outcome = convert(folder, code, **options)
    assert is_on_loop(app_of(changed)), told(outcome)
    assert answers(changed, *requests) == answers(code, *requests)
    return changed
