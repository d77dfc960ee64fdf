"""The page with the results, in the migration guide: written from the runs, and compared with them."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any, get_args

from . import cache, environment
from .suites import SUITES, WITHOUT_TESTS
from .swap.order import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .result import Result

FILE = cache.ROOT / "migration_guide" / "conformance.md"

#: What ``aeros-compat doctor`` knows of the page.
TESTED = cache.ROOT / "aeros_compat" / "doctor" / "tested.json"

HEAD = (
    "Suite",
    "Lane",
    "Passed on Flask",
    "Passed on WebServer",
    "Newly failing",
    "Newly passing",
    "Not applicable",
    "Requests in the sync / async lane",
    "Run on",
)

#: Cells of the table. The first two are the key of a row; the last two, which may vary, are not compared.
Row = tuple[str, ...]
_COMPARED = slice(-2)

INTRODUCTION = """\
# Other people's tests

The suites below belong to the projects that they are named after. Each is run twice in the same environment: on
`flask.Flask`, and with `WebServer` in its place. *Newly failing* are tests that pass on Flask and do not on WebServer.

- Lane **sync**: the suite as it is.
- Lane **async**: every view that the suite registers becomes an `async def` with the same body, on both sides.
- Lane **async-hooks**: hooks and error handlers as well.

In an async lane fewer tests may pass than in lane sync, on both sides: a body that was written for a thread does not
always run on an event loop. *Newly passing* are those that Flask fails there and WebServer does not. All requests that
are counted went through the ASGI application; suites that make none run in one lane only. The row *Quart* is about the
core of a WebServer in the place of `quart.Quart`, with Quart itself as what it is compared with.

This page is written by `python -m tests.conformance --write`, from the releases that were current on {day}; CI runs a
part of it with `--check`. [Extensions](topics/extensions.md) has the same in short.
"""


def write(results: Iterable[Result]) -> None:
    """Put the results into the page; rows of suites that were not run stay as they are."""
    rows = committed() | {row[:2]: row for row in map(_row, results)}
    parts = (_results(rows), _not_applicable(), _without_tests())
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text("\n".join(parts))
    TESTED.write_text(tested())


def tested() -> str:
    """The page in short, for programs: of each project the version, the lanes, and how many tests newly fail."""
    projects = {f"{suite.name} {suite.version}": suite for suite in SUITES if suite.installed}
    found: dict[str, dict[str, Any]] = {}
    for (name, lane, *_), row in committed().items():
        if name in projects:
            suite = projects[name]
            known = found.setdefault(suite.project, {"version": suite.version, "lanes": [], "newly_failing": 0})
            known["lanes"].append(lane)
            known["newly_failing"] += int(cell(row, "Newly failing"))
    return json.dumps(found, indent=1) + "\n"


def differences(results: Iterable[Result]) -> list[str]:
    """What the page says otherwise than the results."""
    before = committed()
    found = []
    for row in map(_row, results):
        known = before.get(row[:2])
        if known is None or known[_COMPARED] != row[_COMPARED]:
            found.append(f"{FILE.name} has {line(known) if known else 'no row'}, the run gave {line(row)}")
    if found:
        found.append("python -m tests.conformance --write brings the page up to date.")
    return found


def _row(result: Result) -> Row:
    counts = (
        len(result.flask.named("passed")),
        len(result.webserver.named("passed")),
        len(result.newly_failing),
        len(result.newly_passing),
        result.not_applicable,
    )
    _, sync, asynchronous = result.requests
    requests = f"{sync} / {asynchronous}" if sync or asynchronous else "none"
    return (f"{result.suite.name} {result.version}", result.lane, *map(str, counts), requests, str(date.today()))


def line(row: Row) -> str:
    """A row as Markdown has it."""
    return f"| {' | '.join(row)} |"


def header(cells: Row) -> tuple[str, str]:
    """The two lines above the rows."""
    return line(cells), f"|{'---|' * len(cells)}"


def cell(row: Row, name: str) -> str:
    """What stands in the column ``name`` of :data:`HEAD`."""
    return row[HEAD.index(name)]


def committed() -> dict[Row, Row]:
    """The rows of the page, by suite and lane."""
    if not FILE.exists():
        return {}
    lines = (text for text in FILE.read_text().splitlines() if text.startswith("| "))
    rows = (tuple(part.strip() for part in text.strip("|").split("|")) for text in lines)
    return {row[:2]: row for row in rows if len(row) == len(HEAD) and row != HEAD}


def _results(rows: dict[Row, Row]) -> str:
    order = [(f"{suite.name} {suite.version}", lane) for suite in SUITES for lane in get_args(Lane)]
    lines = [line(rows[key]) for key in order if key in rows]
    return "\n".join((INTRODUCTION.format(day=environment.AS_OF), *header(HEAD), *lines, ""))


def _not_applicable() -> str:
    head = ("Suite", "Test", "Why")
    rows = ((suite.name, f"`{test}`", why) for suite in SUITES for test, why in suite.excluded.items())
    return "\n".join(("## Tests that cannot apply", "", *header(head), *map(line, rows), ""))


def _without_tests() -> str:
    head = ("Project", "Version looked at", "Why it is not in the table")
    rows = ((project, version, why) for project, (version, why) in WITHOUT_TESTS.items())
    return "\n".join(("## Projects that are not in the table", "", *header(head), *map(line, rows), ""))
