"""The table of extensions in the migration guide, from the page with the results; the text around it stays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from . import cache
from .suites import SUITES, WITHOUT_TESTS
from .swap.order import Lane
from .table import cell, committed, header, line

if TYPE_CHECKING:
    from .suite import Suite
    from .table import Row

PAGE = cache.ROOT / "migration_guide" / "topics" / "extensions.md"

#: What is between these two is written by the command.
BEGIN, END = "<!-- python -m tests.conformance --write -->", "<!-- up to here -->"

HEAD = ("Extension", "Version", *get_args(Lane), "Run on")


def write() -> None:
    """Bring the table up to date with the committed results."""
    text = PAGE.read_text()
    PAGE.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: table(), text, flags=re.DOTALL))


def table() -> str:
    """Both tables, with the marks around them."""
    results = committed()
    rows = [row for suite in SUITES if suite.installed and (row := _row(suite, results))]
    untested = [(project, version, why) for project, (version, why) in WITHOUT_TESTS.items()]
    return "\n".join(
        (
            f"{BEGIN}\n",
            *header(HEAD),
            *map(line, rows),
            "",
            "Without tests that could be run, in these versions:",
            "",
            *header(("Project", "Version looked at", "Why")),
            *map(line, untested),
            f"\n{END}",
        )
    )


def _row(suite: Suite, results: dict[Row, Row]) -> Row | None:
    found = {key[1]: row for key, row in results.items() if key[0] == f"{suite.name} {suite.version}"}
    if not found:
        return None
    lanes = (_passed(found[lane]) if lane in found else "" for lane in get_args(Lane))
    return (suite.name, suite.version, *lanes, min(cell(row, "Run on") for row in found.values()))


def _passed(row: Row) -> str:
    """How many of the tests that pass on Flask pass on WebServer."""
    expected = int(cell(row, "Passed on Flask"))
    return f"{expected - int(cell(row, 'Newly failing'))} of {expected}"
