"""The page with the applications, in the migration guide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..conformance import cache, environment
from .applications import APPLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .run import Result

FILE = cache.ROOT / "migration_guide" / "applications.md"

HEAD = (
    "Application",
    "What it is",
    "Tests passed on Flask",
    "In the sync lane",
    "In the async lane",
    "Requests replayed",
    "Different, sync / async",
    "Lines changed by hand",
)

INTRODUCTION = """\
# Real applications

Open source applications that were written for Flask by others, fetched from PyPI as they are. For each:

- its own tests run on `flask.Flask`, on `WebServer` with its views as they are (sync lane), and on `WebServer` with every
  view as `async def` (async lane). A number in brackets counts tests that pass on Flask and do not pass there;
- `aeros-compat parity --unsafe` replays the requests that those tests made, and requests made up from the URL map,
  against the application on plain Flask and on `WebServer`, and compares status, headers, cookies, bodies, hooks and the
  rows of its SQLite database.

Nothing in the applications was changed by hand, and nothing in their tests: `WebServer` takes the place of `flask.Flask`
as `pytest --aeros` does it. Written by `python -m tests.applications --write`, from the releases that were current on
{day}.
"""

Row = tuple[str, ...]


def write(results: Iterable[Result]) -> None:
    """Put the results into the page; rows of applications that were not run stay as they are."""
    rows = _committed() | {row[0]: row for row in map(row_of, results)}
    names = [f"{application.suite.name} {application.suite.version}" for application in APPLICATIONS]
    lines = [_line(HEAD), f"|{'---|' * len(HEAD)}", *(_line(rows[name]) for name in names if name in rows)]
    FILE.write_text("\n".join((INTRODUCTION.format(day=environment.AS_OF), *lines, "")))


def row_of(result: Result) -> Row:
    """The cells of one application."""
    suite = result.application.suite
    lanes = [
        f"{len(answer.named('passed'))}" + (f" ({newly})" if (newly := len(result.newly_failing(answer))) else "")
        for answer in (result.sync, result.asynchronous)
    ]
    replay = (
        (str(result.parity["requests"]), f"{result.different('sync')} / {result.different('async')}")
        if result.parity
        else ("none", "")
    )
    passed = str(len(result.flask.named("passed")))
    return (f"{suite.name} {suite.version}", result.application.kind, passed, *lanes, *replay, "0")


def _committed() -> dict[str, Row]:
    """The rows of the page, by application."""
    if not FILE.exists():
        return {}
    lines = (line for line in FILE.read_text().splitlines() if line.startswith("| "))
    rows = (tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines)
    return {row[0]: row for row in rows if len(row) == len(HEAD) and row != HEAD}


def _line(row: Row) -> str:
    return f"| {' | '.join(row)} |"
