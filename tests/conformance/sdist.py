"""The source distributions that carry the suites: fetched with pip, unpacked into the cache."""

from __future__ import annotations

import sys
import tarfile
from typing import TYPE_CHECKING

from . import cache
from .command import CommandError, run

if TYPE_CHECKING:
    from pathlib import Path


def unpacked(project: str, version: str) -> Path:
    """The folder of an sdist; fetched the first time."""
    home = cache.folder("sdists", f"{project}-{version}".lower())
    found = _only_folder(home)
    if found is None:
        # Where a suite has no configuration of its own, pytest looks for one further up: it finds this, and not ours.
        (home / "pytest.ini").touch()
        _unpack(_fetch(project, version, home), home)
        found = _only_folder(home)
    if found is None:
        raise CommandError(f"The sdist of {project} {version} is not one folder.")
    return found


def _only_folder(home: Path) -> Path | None:
    folders = [path for path in home.iterdir() if path.is_dir()]
    return folders[0] if len(folders) == 1 else None


def _fetch(project: str, version: str, home: Path) -> Path:
    # pip prepares the metadata of an sdist even if it only downloads it; what that takes comes as wheels.
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", project)
    run(*pip, "--dest", home, f"{project}=={version}")
    archives = sorted(home.glob("*.tar.gz"))
    if not archives:
        raise CommandError(f"{project} {version} has no sdist in the form of a .tar.gz.")
    return archives[-1]


def _unpack(archive: Path, home: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(home, filter="data")
    archive.unlink()
