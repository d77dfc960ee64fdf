"""SQLite files of the application: put back before each replay, and compared by their rows afterwards."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Rows of a table in the order of their keys, each a column's values by name.
Rows = list[dict[str, str]]
#: Tables by the name of their file and their own.
Tables = dict[str, Rows]

#: The files that SQLite keeps beside a database.
_SUFFIXES = ("", "-wal", "-shm", "-journal")


class Databases:
    """The files, with a copy of each to start from.

    :param folder: where the copies are kept.
    """

    def __init__(self, files: Sequence[Path], folder: Path) -> None:
        self._files = files
        self._copies = {file: folder / f"{number}.sqlite" for number, file in enumerate(files)}
        for file, copy in self._copies.items():
            if file.exists():
                _copy(file, copy)

    def put_back(self) -> None:
        """Give every file what it held at first; one that did not exist goes away."""
        for file, copy in self._copies.items():
            for suffix in _SUFFIXES:
                Path(f"{file}{suffix}").unlink(missing_ok=True)
            if copy.exists():
                _copy(copy, file)

    def tables(self) -> Tables:
        """All rows of all files."""
        return {
            f"{file.name}: {table}": rows
            for file in self._files
            if file.exists()
            for table, rows in _tables_of(file).items()
        }


def _copy(source: Path, target: Path) -> None:
    """By SQLite's own means: a file alone lacks what stands in its write-ahead log."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def _tables_of(file: Path) -> dict[str, Rows]:
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        return {name: _rows(connection, name) for (name,) in found if not name.startswith("sqlite_")}


def _rows(connection: sqlite3.Connection, table: str) -> Rows:
    quoted = '"' + table.replace('"', '""') + '"'
    cursor = connection.execute(f"SELECT * FROM {quoted}")  # noqa: S608 - quoted above, and the user's own file
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, map(repr, row), strict=True)) for row in cursor]
    return sorted(rows, key=lambda row: list(row.values()))


def unstable_columns(runs: Iterable[Tables]) -> set[tuple[str, str]]:
    """Tables with columns that are not the same in all runs of plain Flask: times, random keys."""
    first, *others = runs
    return {
        (table, column)
        for other in others
        for table, rows in first.items()
        for column in (rows[0] if rows else ())
        if _column(rows, column) != _column(other.get(table, []), column)
    }


def _column(rows: Rows, name: str) -> Counter[str | None]:
    return Counter(row.get(name) for row in rows)


def differing_rows(expected: Tables, found: Tables, unstable: set[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """By table: the rows that only Flask has written, and those that only WebServer has; without unstable columns."""
    differences = {}
    for table in sorted(expected.keys() | found.keys()):
        wanted, got = (_stable(table, tables.get(table, []), unstable) for tables in (expected, found))
        if wanted != got:
            differences[table] = (_shown(wanted - got), _shown(got - wanted))
    return differences


def _stable(table: str, rows: Rows, unstable: set[tuple[str, str]]) -> Counter[str]:
    kept = ({name: value for name, value in row.items() if (table, name) not in unstable} for row in rows)
    return Counter(", ".join(f"{name}={value}" for name, value in row.items()) for row in kept)


def _shown(rows: Counter[str]) -> str:
    return "\n".join(sorted(rows.elements()))
