"""What people do wrong with the commands that help to migrate: a sentence says it, and the exit code is 2."""

from __future__ import annotations

import resource
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from aeros_compat.command import main

from .programs import PYTHON, ended, environment

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "shop.py": "import time\nfrom flask import Flask\n\napp = Flask(__name__)\n\n"
    "@app.get('/')\ndef view():\n    time.sleep(1)\n    return ''\n",
    "broken.py": "def broken(:  # of Flask\n",
    "raises.py": "def fail():\n    1 / 0\n\nfail()\n",
    "ends.py": "import sys\nsys.exit(3)\n",
    "factory.py": "from flask import Flask\n\ndef create_app(name):\n    return Flask(name)\n",
    "coding.py": "# coding: nonsense\n",
    "nothing.json": "{",
    "empty.json": '{"routes": []}',
    "access.log": "127.0.0.1 - - [01/Jan/2026] nothing\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "views").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("swap nowhere", "There is no file or folder nowhere."),
        ("swap broken.py", "broken.py is not valid Python: line 1: invalid syntax."),
        ("swap coding.py", "coding.py cannot be decoded: unknown encoding: nonsense."),
        ("swap --write --check shop.py", "--write changes files and --check changes none: give one of them."),
        ("swap", "Missing argument 'PATHS...'."),
        ("asyncify shop.py", "Which view? Name it: shop.py::view. It has view."),
        ("asyncify shop.py::nowhere", "There is no function 'nowhere' in shop.py. It has view."),
        ("asyncify nowhere.py::view", "nowhere.py cannot be read: No such file or directory."),
        ("asyncify broken.py::view", "broken.py is not valid Python: line 1: invalid syntax."),
        ("asyncify views::view", "views cannot be read: Is a directory."),
        ("asyncify --only magic shop.py::view", "There is no rule 'magic'. The rules are sleep, "),
        ("report nowhere.log", "nowhere.log cannot be read: No such file or directory."),
        ("report access.log", "access.log holds no statistics: there is no request in it."),
        ("report nothing.json", "nothing.json holds no statistics: it is no JSON (Expecting property name"),
        ("report views", "views cannot be read: Is a directory."),
        ("report http://127.0.0.1:1/lanes.json", "http://127.0.0.1:1/lanes.json cannot be read: Connection refused."),
        ("report --header X empty.json", "'X' has no colon: write NAME:VALUE."),
        ("report --html views empty.json", "views"),
        ("report --html nowhere/page.html empty.json", "nowhere/page.html cannot be written: No such file"),
        ("parity shop:app --har nothing.json", "nothing.json is no HAR file (Expecting property name"),
        ("parity shop:app --corpus nothing.json", "nothing.json is no corpus: "),
        ("parity shop:app --log access.log", "There is nothing to replay. 0 requests from access.log."),
        ("parity shop:app --sqlite shop.py", "What --sqlite names cannot be copied: file is not a database."),
        ("doctor --fail-on info shop:app", "'info' is not one of 'error', 'warning'."),
        ("nonsense", "No such command 'nonsense'."),
    ],
)
def test_in_a_sentence(folder: Path, command: str, sentence: str) -> None:
    done = CliRunner().invoke(main, command.split())
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert f"Error: {sentence}" in done.stderr or (done.stderr.startswith("Usage: ") and sentence in done.stderr)
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("doctor nowhere:app", "There is no module 'nowhere' in "),
        ("doctor shop:nowhere", "Failed to find attribute 'nowhere' in 'shop'."),
        ("doctor factory:create_app", "The factory 'create_app' in module 'factory' could not be called"),
        ("doctor", "Which application? Name it, as in module:app."),
        ("doctor ends:app", "ends:app cannot be loaded: its own code calls sys.exit(3)."),
        ("report --app nowhere.py empty.json", "There is no file 'nowhere.py'."),
        ("parity nowhere:app", "There is no module 'nowhere' in "),
    ],
)
def test_applications_that_are_not_there(folder: Path, command: str, sentence: str) -> None:
    done = ended("-m", "aeros_compat", *command.split(), cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Error: {sentence}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["doctor raises:app", "parity raises:app"])
def test_code_that_fails_is_shown_from_its_own_lines_on(folder: Path, command: str) -> None:
    done = ended("-m", "aeros_compat", *command.split(), cwd=folder)
    assert done.returncode == 2
    assert "raises:app cannot be loaded: see above what its own code raises." in done.stderr
    assert done.stderr.count("File ") == 2
    assert "ZeroDivisionError: division by zero" in done.stderr


def test_one_file_among_many(folder: Path) -> None:
    """What cannot be parsed does not keep a folder from being swapped."""
    done = CliRunner().invoke(main, ["swap", "--write", "."])
    assert done.exit_code == 0
    assert "Left alone: broken.py is not valid Python" in done.stderr
    assert "shop.py: written\n" in done.stderr
    again = CliRunner().invoke(main, ["swap", "shop.py"])
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == "There is nothing to swap: nothing here calls or subclasses flask.Flask.\n"


@pytest.mark.parametrize("command", ["swap --write shop.py", "asyncify --write shop.py::view"])
def test_files_that_cannot_be_written_stay(folder: Path, command: str) -> None:
    before = sorted(path.name for path in folder.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))  # as a disk that is full
    try:
        done = CliRunner().invoke(main, command.split())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert done.exit_code == 2
    assert "Error: shop.py cannot be written: File too large." in done.stderr
    assert (folder / "shop.py").read_text() == FILES["shop.py"]
    assert sorted(path.name for path in folder.iterdir()) == before


def test_what_a_file_is_stays(folder: Path) -> None:
    """Its mode, and the link that leads to it."""
    (folder / "shop.py").chmod(0o750)
    (folder / "link.py").symlink_to("shop.py")
    assert CliRunner().invoke(main, ["swap", "--write", "link.py"]).exit_code == 0
    assert (folder / "link.py").is_symlink()
    assert (folder / "shop.py").stat().st_mode & 0o777 == 0o750
    assert "WebServer" in (folder / "shop.py").read_text()


def test_a_reader_that_has_seen_enough(folder: Path) -> None:
    """As ``| head -1``: the rest is not missed, and nobody is told."""
    command = [*PYTHON, "-m", "aeros_compat", "doctor", "shop:app"]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        running.stdout.close()
        _, told = running.communicate(timeout=60)
    assert told == ""
