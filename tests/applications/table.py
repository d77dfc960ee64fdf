"""The page with the applications, in the migration guide."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from ..conformance import cache, environment
from .applications import APPLICATIONS

if TYPE_CHECKING:
    from aeros_compat.migrate.plan import Finding

    from ..conformance.swap.order import Answer
    from .application import Application
    from .asyncified import Asyncified
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
    "Lines written by `aeros-compat swap`",
    "Lines changed by hand",
)

LEFT_HEAD = ("View left alone", "Why")

#: Rules of asyncify by what they say: that a call runs where it ran, or that it is awaited in another form.
PLACES = ("thread", "block")
COUNTERPARTS = ("sleep", "requests", "redis", "futures", "subprocess", "bridge")

VIEWS_HEAD = (
    "Application",
    "Views turned",
    "With nothing to await",
    "Views left alone",
    "Calls moved to a thread",
    "Calls with a counterpart",
    "Tests passed after the last",
    "Newly failing on the way",
)

INTRODUCTION = """\
# Real applications

Open source applications that others have written for Flask, fetched from PyPI as they are. For each:

- `aeros-compat swap --write` puts `WebServer` in the place of `flask.Flask`, in the application and in its tests.
- Its own tests run on `flask.Flask`, on `WebServer` with its views as they are (sync lane), and on `WebServer` with
  every view as `async def` (async lane). A number in brackets counts tests that pass on Flask and do not pass there.
- `aeros-compat parity --unsafe` replays the requests that those tests made, and requests made up from the URL map,
  against the application on plain Flask and on `WebServer`: status, headers, cookies, bodies, hooks, and the rows of
  its SQLite database.

Nothing but what the command has written was changed in the applications or in their tests. This page is written by
`python -m tests.applications --write`, from the releases that were current on {day}.
"""

VIEWS = """\
## View by view

`aeros-compat asyncify --write` turns one view after another into `async def`, in the order of the URL map, and all
tests of the application run after each. What the command cannot prove stays as it is, and it says why.
"""

Row = tuple[str, ...]


def write(results: list[Result]) -> None:
    """Put the results into the page; rows of applications that were not run stay as they are."""
    FILE.write_text(page(results))


def page(results: list[Result]) -> str:
    """The page with the results, and with what it says of the applications that were not run."""
    parts = (INTRODUCTION.format(day=environment.AS_OF), _applications(results), "", *_notes(), VIEWS, *_views(results))
    return "\n".join((*parts, ""))


def _applications(results: list[Result]) -> str:
    known = rows(HEAD) | {row[0]: row for row in map(row_of, results)}
    return _table(HEAD, [known[name] for name in _names() if name in known])


def _names() -> list[str]:
    return [title(application) for application in APPLICATIONS]


def title(application: Application) -> str:
    """The first cell of its rows."""
    return f"{application.suite.name} {application.suite.version}"


def _notes() -> list[str]:
    """Why some tests fail on WebServer alone, some requests differ, and some tests are left out."""
    failing = [f"{each.suite.name}: {each.note}.\n" for each in APPLICATIONS if each.note]
    tests = [(each.suite.name, *reason) for each in APPLICATIONS for reason in each.suite.excluded.items()]
    return failing + [f"{name}, left out: `{test}` {why}.\n" for name, test, why in tests]


def row_of(result: Result) -> Row:
    """The cells of one application."""
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
    return (title(result.application), result.application.kind, passed, *lanes, counts, *replay, str(result.lines), "0")


def _lanes(result: Result) -> list[tuple[str, Answer]]:
    return [("sync", result.sync), ("async", result.asynchronous)]


def _views(results: list[Result]) -> list[str]:
    """The table of the views, and of each view that was left alone the reasons."""
    ran = {row[0]: row for row in (_views_row(result) for result in results if result.asyncified)}
    known = rows(VIEWS_HEAD) | ran
    return [
        _table(VIEWS_HEAD, [known[name] for name in _names() if name in known]),
        "",
        _table(LEFT_HEAD, sorted(_left(results))),
    ]


def _left(results: list[Result]) -> list[Row]:
    """What was left alone, of the applications that were run and of the others."""
    run = tuple(f"{result.application.suite.name}: " for result in results)
    others = [row for name, row in rows(LEFT_HEAD).items() if not name.startswith(run)]
    return others + [row for result in results if result.asyncified for row in _left_rows(result, result.asyncified)]


def _views_row(result: Result) -> Row:
    turned = result.asyncified
    assert turned is not None
    findings = [finding for found in turned.turned.values() for finding in found]
    counts = (
        len(turned.turned),
        sum(not found for found in turned.turned.values()),
        len(turned.left),
        sum(finding.rule in PLACES for finding in findings),
        sum(finding.rule in COUNTERPARTS for finding in findings),
        len(turned.answer.named("passed")) if turned.answer else 0,
        sum(map(len, turned.newly_failing.values())),
    )
    return (title(result.application), *map(str, counts))


def _left_rows(result: Result, views: Asyncified) -> list[Row]:
    """One row for each view that stays, and for each line that stays in a view that was turned."""
    name = result.application.suite.name
    whole: list[Row] = [
        (f"{name}: `{view}`", "; ".join(dict.fromkeys(map(_cell, found)))) for view, found in views.left.items()
    ]
    lines: list[Row] = [
        (f"{name}: `{view}`, line {finding.line}", _cell(finding))
        for view, found in views.turned.items()
        for finding in found
        if finding.rule not in (*PLACES, *COUNTERPARTS)
    ]
    return whole + lines


def _cell(finding: Finding) -> str:
    return finding.text.replace("|", "\\|")


def rows(head: Row) -> dict[str, Row]:
    """The rows of a table of the page as it is, by their first cells."""
    if not FILE.exists():
        return {}
    _, _, below = FILE.read_text().partition(_line(head) + "\n")
    lines = itertools.takewhile(lambda line: line.startswith("|"), below.splitlines())
    found = (tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines)
    return {row[0]: row for row in found if len(row) == len(head)}


def _table(head: Row, rows: list[Row]) -> str:
    return "\n".join((_line(head), f"|{'---|' * len(head)}", *map(_line, rows)))


def _line(row: Row) -> str:
    return f"| {' | '.join(row)} |"
