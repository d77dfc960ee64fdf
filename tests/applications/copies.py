"""Copies of an application's sdist, in which ``aeros-compat swap`` has put WebServer in the place of Flask."""

from __future__ import annotations

import difflib
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..conformance import sdist
from ..conformance.command import CommandError, run

if TYPE_CHECKING:
    from pathlib import Path

    from .application import Application


@dataclass(frozen=True)
class Swapped:
    """An application after ``aeros-compat swap --write``."""

    folder: Path
    #: Lines that the command has written, in the application and in its tests.
    lines: int


def swapped(application: Application, home: Path) -> Swapped:
    """A copy on which the command was run.

    :raises CommandError: if the command fails, or finds nothing to do.
    """
    suite = application.suite
    original, folder = sdist.unpacked(suite.project, suite.version), home / "swapped"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder, symlinks=True)
    (home / "pytest.ini").touch()  # as in conformance.sdist: pytest is not to find ours
    # With the interpreter of this process: the application's environment need not have what the command needs. It is
    # not to import what lies in the folder.
    command = (sys.executable, "-P", "-m", "aeros_compat", "swap", "--write", *application.sources)
    run(*command, cwd=folder)
    lines = sum(_lines_written(original / file, folder / file) for file in _python_files(folder))
    if not lines:
        raise CommandError(f"aeros-compat swap finds nothing to do in {', '.join(application.sources)}.")
    return Swapped(folder, lines)


def _python_files(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in folder.rglob("*.py") if path.is_file()]


def _lines_written(before: Path, after: Path) -> int:
    old, new = before.read_bytes(), after.read_bytes()
    if old == new:
        return 0
    return sum(line.startswith("+ ") for line in difflib.ndiff(_lines(old), _lines(new)))


def _lines(content: bytes) -> list[str]:
    return content.decode(errors="replace").splitlines()
