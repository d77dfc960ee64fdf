"""The page with the applications, in the migration guide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..conformance import cache, environment
from .applications import APPLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..conformance.swap.order import Answer
    from .run import Result

FILE = cache.ROOT / "migration_guide" / "applications.md"

HEAD = (
    "Application",
    "What it is",
    "Tests passed on Flask",
    "In the sync lane",
    "In the async lane",
    "Requests of the tests, sync / async lane",
    "Requests replayed",
    "Different, sync / async",
    "Lines changed by hand",
)

INTRODUCTION = """\
# Real applications

Open source applications that others have written for Flask, fetched from PyPI as they are. For each:

- Its own tests run on `flask.Flask`, on `WebServer` with its views as they are (sync lane), and on `WebServer` with
  every view as `async def` (async lane). A number in brackets counts tests that pass on Flask and do not pass there.
- `aeros-compat parity --unsafe` replays the requests that those tests made, and requests made up from the URL map,
  against the application on plain Flask and on `WebServer`: status, headers, cookies, bodies, hooks, and the rows of
  its SQLite database.

Nothing in the applications or in their tests was changed by hand: `WebServer` stands in the place of `flask.Flask`, as
with `pytest --aeros`. Written by `python -m tests.applications --write`, from the releases that were current on {day}.
"""

Row = tuple[str, ...]


def write(results: Iterable[Result]) -> None:
    """Put the results into the page; rows of applications that were not run stay as they are."""
    rows = _committed() | {row[0]: row for row in map(row_of, results)}
    names = [f"{application.suite.name} {application.suite.version}" for application in APPLICATIONS]
    lines = [_line(HEAD), f"|{'---|' * len(HEAD)}", *(_line(rows[name]) for name in names if name in rows)]
    FILE.write_text("\n".join((INTRODUCTION.format(day=environment.AS_OF), *lines, "", *_notes(), "")))


def _notes() -> list[str]:
    """Why some tests fail on WebServer alone."""
    return [f"{application.suite.name}: {application.note}." for application in APPLICATIONS if application.note]


def row_of(result: Result) -> Row:
    """The cells of one application."""
    suite = result.application.suite
    lanes = [
        f"{len(answer.named('passed'))}" + (f" ({newly})" if (newly := len(result.newly_failing(answer))) else "")
        for _, answer in _lanes(result)
    ]
    replay = (
        (str(result.parity["requests"]), f"{result.different('sync')} / {result.different('async')}")
        if result.parity
        else ("none", "")
    )
    passed = str(len(result.flask.named("passed")))
    counts = " / ".join(str(answer.requests[lane]) for lane, answer in _lanes(result))
    return (f"{suite.name} {suite.version}", result.application.kind, passed, *lanes, counts, *replay, "0")


def _lanes(result: Result) -> list[tuple[str, Answer]]:
    return [("sync", result.sync), ("async", result.asynchronous)]


def _committed() -> dict[str, Row]:
    """The rows of the page, by application."""
    if not FILE.exists():
        return {}
    lines = (line for line in FILE.read_text().splitlines() if line.startswith("| "))
    rows = (tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines)
    return {row[0]: row for row in rows if len(row) == len(HEAD) and row != HEAD}


def _line(row: Row) -> str:
    return f"| {' | '.join(row)} |"
