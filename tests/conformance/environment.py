"""A virtual environment for each suite: what WebServer needs, what the suite needs, and nothing of ours.

``aeros_compat`` and the plugin are copied to a folder on PYTHONPATH, not installed: the project's root on the path
would bring this ``tests`` package into suites that have one of that name themselves. All runs of one command see one
copy, whatever happens to the source meanwhile.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from . import cache
from .command import run

if TYPE_CHECKING:
    from .suite import Suite

#: Every run resolves to the releases of this day, so that the same run gives the same table. ``--with`` sees all.
AS_OF = "2026-11-20"

#: What runs the tests. Flask's own suite needs a pytest before 9; a test that hangs must not hang the command.
RUNNER = ("pytest>=8.3,<9", "pytest-timeout")


@functools.cache
def path() -> Path:
    """The folder for PYTHONPATH. It lives as long as this process."""
    home = Path(tempfile.mkdtemp(dir=cache.folder("path")))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    plugin = Path(__file__).parent / "swap"
    for name, source in (("aeros_compat", cache.ROOT / "aeros_compat"), ("aeros_conformance", plugin)):
        shutil.copytree(source, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(cache.ROOT / "pytest_aeros.py", home)
    shutil.copy(plugin / "sitecustomize.py", home)
    return home


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
    ours = tomllib.loads((cache.ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    facts = (sys.version, AS_OF, RUNNER, ours, suite.installs, suite.overrides, overrides)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def _make(environment: Path, interpreter: Path, suite: Suite, overrides: tuple[str, ...]) -> None:
    program = uv()
    shutil.rmtree(environment, ignore_errors=True)
    run(program, "venv", "--quiet", "--python", sys.executable, environment)
    override_file = environment / "overrides.txt"
    override_file.write_text("\n".join((*suite.overrides, *overrides)))
    day = () if overrides else ("--exclude-newer", AS_OF)
    # pip trusts the certificates of the system, so uv has to.
    options = ("--quiet", "--system-certs", "--python", interpreter, *day, "--overrides", override_file)
    install = (program, "pip", "install", *options)
    run(*install, "--requirements", cache.ROOT / "pyproject.toml", *RUNNER, *suite.installs, *overrides)


def uv() -> str:
    """uv makes an environment in a second where pip takes half a minute."""
    found = shutil.which("uv")
    if found is not None:
        return found
    home = cache.folder("uv")
    program = home / "bin" / "uv"
    if not program.exists():
        run(sys.executable, "-m", "pip", "install", "--quiet", "--target", home, "uv")
    return str(program)


def variables(interpreter: Path, source: Path | None = None) -> dict[str, str]:
    """The environment variables of a run: the caller's, less what would reach into the suite.

    :param source: an sdist whose packages go before those that are installed.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "FLASK_", "PYTHON"))}
    programs = f"{interpreter.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    paths = os.pathsep.join(map(str, (*packages(source), path())))
    return kept | {"PATH": programs, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}


def packages(source: Path | None) -> list[Path]:
    """The folders of an sdist in which its packages may lie; none of no sdist."""
    return [source / "src", source] if source else []
