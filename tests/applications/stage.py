"""The folder in which an application is loaded: its configuration, its databases, and nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..conformance import cache, environment
from ..conformance.command import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .application import Application


@dataclass(frozen=True)
class Stage:
    """An application that can be loaded in ``folder``."""

    application: Application
    folder: Path
    log: Path

    def run(self, *words: str, source: Path | None = None, results: tuple[int, ...] = (0,)) -> bytes:
        """What ``aeros-compat WORDS`` prints there.

        :param source: the sdist whose packages go before those that are installed.
        :param results: exit codes with which it has come to a result.
        :raises CommandError: if it has not.
        """
        python = environment.python(self.application.suite)
        with self.log.open("w") as errors:
            done = subprocess.run(
                [str(python), "-m", "aeros_compat", *words],
                cwd=self.folder,
                env=self._variables(python, source),
                stdout=subprocess.PIPE,
                stderr=errors,
                check=False,
            )
        if done.returncode not in results:
            raise CommandError(f"aeros-compat {words[0]} came to no result: {self.log.read_text()[-2000:]}")
        return done.stdout

    def _variables(self, python: Path, source: Path | None) -> dict[str, str]:
        own = self.application.variables
        filled = {name: value.replace("{folder}", str(self.folder)) for name, value in own.items()}
        paths = os.pathsep.join(map(str, (*environment.packages(source), self.folder / "path", self.folder)))
        return environment.variables(python) | {"PYTHONPATH": paths} | filled


@contextlib.contextmanager
def stage(application: Application, home: Path) -> Iterator[Stage]:
    """A stage that is there for a while."""
    with tempfile.TemporaryDirectory(dir=home) as name:
        folder = Path(name)
        # Nothing but this package: what the runs of the tests import at their start would want their orders.
        source = folder / "path" / "aeros_compat"
        shutil.copytree(cache.ROOT / "aeros_compat", source, ignore=shutil.ignore_patterns("__pycache__"))
        for file, text in application.files.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("{folder}", str(folder)))
        yield Stage(application, folder, home / "stage.log")
