"""A virtual environment for each row of the table: a Python, and the lowest or highest versions that are allowed."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..conformance import cache
from ..conformance.command import CommandError, run
from ..conformance.environment import uv

PYTHONS = ("3.11", "3.12", "3.13")
Versions = Literal["lowest", "highest"]

#: What uv calls them. Lowest is meant for what pyproject.toml declares: what that needs itself is as new as may be.
_RESOLUTIONS: dict[Versions, str] = {"lowest": "lowest-direct", "highest": "highest"}


@dataclass(frozen=True)
class Environment:
    """A Python such as ``3.12``, the versions of what is declared, and requirements that stand above pyproject.toml."""

    python: str
    versions: Versions
    overrides: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.python} {self.versions}"

    def interpreter(self) -> Path:
        """Its interpreter; made again if what belongs into it has changed.

        :raises CommandError: if there is no such Python, or no such versions.
        """
        home = cache.folder("matrix") / f"{self.python}-{self.versions}-{self._fingerprint()}"
        interpreter = home / "bin" / "python"
        if not (home / "ready").exists():
            shutil.rmtree(home, ignore_errors=True)
            run(uv(), "venv", "--quiet", "--python", find_python(self.python), home)
            self._install(home, interpreter)
            (home / "ready").touch()
        return interpreter

    def _fingerprint(self) -> str:
        declared = tomllib.loads((cache.ROOT / "pyproject.toml").read_text())["project"]
        facts = (declared["dependencies"], declared["optional-dependencies"], self.overrides)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]

    def _install(self, home: Path, interpreter: Path) -> None:
        overrides = home / "overrides.txt"
        overrides.write_text("\n".join(self.overrides))
        # pip trusts the certificates of the system, so uv has to.
        options = ("--quiet", "--system-certs", "--python", interpreter, "--overrides", overrides)
        resolution = ("--resolution", _RESOLUTIONS[self.versions])
        # Tests that make environments themselves use pip.
        wanted = ("--editable", f"{cache.ROOT}[dev]", "pip>=25", *self.overrides)
        run(uv(), "pip", "install", *options, *resolution, *wanted)


def find_python(version: str) -> Path:
    """The interpreter of a Python: this one, one on the PATH, or one of pyenv's.

    :raises CommandError: if there is none.
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    on_path = shutil.which(f"python{version}")
    if found:
        return found[-1]
    if on_path is None:
        raise CommandError(f"There is no python{version} on the PATH, and pyenv has none: pyenv install {version}")
    return Path(on_path)
