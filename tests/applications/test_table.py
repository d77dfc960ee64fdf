"""The page with the applications is the one that the command writes."""

from __future__ import annotations

from . import table
from .applications import APPLICATIONS


def test_the_page_is_what_the_command_writes() -> None:
    assert table.page([]) == table.FILE.read_text()


def test_every_application_has_its_row() -> None:
    rows = table.rows(table.HEAD)
    assert list(rows) == [table.title(application) for application in APPLICATIONS]


def test_what_newly_fails_is_explained() -> None:
    for application in APPLICATIONS:
        row = table.rows(table.HEAD)[table.title(application)]
        assert application.note or "(" not in "".join(row[3:5])


def test_views_were_turned_in_the_applications_that_say_so() -> None:
    rows = table.rows(table.VIEWS_HEAD)
    assert list(rows) == [table.title(application) for application in APPLICATIONS if application.asyncify]
    assert all(int(row[1]) > 0 for row in rows.values())
