"""A virtual environment for each suite: what WebServer needs, what the suite needs, and nothing of ours.

``aeros_compat`` and the plugin are linked into a folder on PYTHONPATH, not installed: the project's root on the path would
bring this ``tests`` package into suites that have one of that name themselves.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import cache
from .command import run

if TYPE_CHECKING:
    from .suites import Suite

#: Every run resolves to the releases of this day, so that the same run gives the same table. ``--with`` sees all.
AS_OF = "2026-11-20"

#: What runs the tests. Flask's own suite needs a pytest before 9; a test that hangs must not hang the command.
RUNNER = ("pytest>=8.3,<9", "pytest-timeout")


def path() -> Path:
    """The folder for PYTHONPATH."""
    home = cache.folder("path")
    _link(home / "aeros_compat", cache.ROOT / "aeros_compat")
    _link(home / "aeros_conformance", Path(__file__).parent / "swap")
    return home


def _link(link: Path, target: Path) -> None:
    if link.is_symlink():
        link.unlink()
    link.symlink_to(target, target_is_directory=True)


def python(suite: Suite, overrides: tuple[str, ...] = ()) -> Path:
    """The interpreter of a suite's environment; made again if what belongs into it has changed."""
    home = cache.folder("environments")
    wanted = _fingerprint(suite, overrides)
    environment = home / f"{suite.key}-{wanted}"
    interpreter = environment / "bin" / "python"
    ready = environment / "ready"
    if not ready.exists():
        _make(environment, interpreter, suite, overrides)
        ready.touch()
    return interpreter


def _fingerprint(suite: Suite, overrides: tuple[str, ...]) -> str:
    facts = (sys.version, AS_OF, RUNNER, suite.installs, overrides, (cache.ROOT / "pyproject.toml").read_text())
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def _make(environment: Path, interpreter: Path, suite: Suite, overrides: tuple[str, ...]) -> None:
    uv = _uv()
    shutil.rmtree(environment, ignore_errors=True)
    run(uv, "venv", "--quiet", "--python", sys.executable, environment)
    override_file = environment / "overrides.txt"
    override_file.write_text("\n".join((*suite.overrides, *overrides)))
    day = () if overrides else ("--exclude-newer", AS_OF)
    install = (uv, "pip", "install", "--quiet", "--python", interpreter, *day, "--overrides", override_file)
    run(*install, "--requirements", cache.ROOT / "pyproject.toml", *RUNNER, *suite.installs, *overrides)


def _uv() -> str:
    """uv makes an environment in a second where pip takes half a minute."""
    found = shutil.which("uv")
    if found is not None:
        return found
    home = cache.folder("uv")
    program = home / "bin" / "uv"
    if not program.exists():
        run(sys.executable, "-m", "pip", "install", "--quiet", "--target", home, "uv")
    return str(program)


def variables() -> dict[str, str]:
    """The environment variables of a run: the caller's, less what would reach into the suite."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "FLASK_", "PYTHON"))}
    return kept | {"PYTHONPATH": str(path()), "PYTHONDONTWRITEBYTECODE": "1"}
