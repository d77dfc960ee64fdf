"""``aeros-compat swap`` and ``aeros-compat asyncify`` as commands: diffs, files, exit codes and sentences."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from aeros_compat.command import main
from aeros_compat.migrate.catalogue import RULES

from ..programs import PYTHON, ended, environment

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

APP = "from flask import Flask\n\napp = Flask('shop')\n"
VIEW = "import time\n\n\ndef view():\n\ttime.sleep(0)  # é\n\treturn 'x'\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_swap_shows_a_diff(folder: Path) -> None:
    (folder / "shop.py").write_text(APP)
    done = run("swap", ".")
    assert done.exit_code == 0
    assert done.stdout.startswith("--- a/shop.py\n+++ b/shop.py\n")
    assert "\n-from flask import Flask\n+from aeros_compat import WebServer\n" in done.stdout
    assert (folder / "shop.py").read_text() == APP


def test_swap_writes_and_checks(folder: Path) -> None:
    (folder / "shop.py").write_text(APP)
    (folder / "other.py").write_text("x = 1\n")
    (folder / ".venv" / "lib").mkdir(parents=True)
    (folder / ".venv" / "lib" / "flask.py").write_text(APP)
    done = run("swap", "--check", ".")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "shop.py: would change\n")
    assert run("swap", "--write", ".").exit_code == 0
    assert "WebServer('shop')" in (folder / "shop.py").read_text()
    assert (folder / ".venv" / "lib" / "flask.py").read_text() == APP
    done = run("swap", "--check", ".")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("There is nothing to swap")


def test_swap_parses_only_files_that_name_the_class(folder: Path) -> None:
    """Of a project with a thousand files a handful do; what others hold, Python 2 say, is no concern of the command."""
    (folder / "app.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    (folder / "old.py").write_text("print 'no application'\n")
    assert run("swap", ".").exit_code == 0
    (folder / "old.py").write_text("print 'Flask'\n")
    assert "old.py is not valid Python" in run("swap", ".").stderr
    (folder / "old.py").unlink()
    (folder / "old.py").symlink_to("nowhere.py")
    assert "old.py cannot be read" in run("swap", ".").stderr


def test_asyncify_shows_writes_and_checks(folder: Path) -> None:
    (folder / "shop.py").write_text(VIEW)
    done = run("asyncify", "shop.py::view")
    assert done.exit_code == 0
    assert "\n-\ttime.sleep(0)  # é\n+async def view():\n+\tawait asyncio.sleep(0)  # é\n" in done.stdout
    assert done.stderr == "shop.py::view: async def\n     5  sleep: time.sleep(0) → await asyncio.sleep(…)\n"
    assert (folder / "shop.py").read_text() == VIEW

    assert run("asyncify", "--check", "shop.py::view").exit_code == 1
    assert run("asyncify", "--write", "shop.py::view").exit_code == 0
    written = (folder / "shop.py").read_text()
    assert "async def view" in written

    again = run("asyncify", "--check", "shop.py::view")
    assert (again.exit_code, again.output) == (0, "shop.py::view: is async already\n")
    assert (folder / "shop.py").read_text() == written


@pytest.mark.parametrize(
    "content",
    [
        VIEW.replace("\n", "\r\n").encode(),
        VIEW.encode("utf-8-sig"),
        ("# coding: latin-1\n" + VIEW).encode("latin-1"),
        VIEW.rstrip("\n").encode(),
        VIEW.replace("\t", "   ").encode(),
    ],
    ids=["CRLF", "BOM", "latin-1", "no newline at the end", "three blanks"],
)
def test_all_other_bytes_stay(folder: Path, content: bytes) -> None:
    (folder / "shop.py").write_bytes(content)
    assert run("asyncify", "--write", "shop.py::view").exit_code == 0
    end = b"\r\n" if b"\r\n" in content else b"\n"
    expected = content.replace(b"import time", b"import asyncio" + end + b"import time", 1)
    expected = expected.replace(b"def view", b"async def view").replace(b"time.sleep(0)", b"await asyncio.sleep(0)")
    assert (folder / "shop.py").read_bytes() == expected


def test_rules_are_chosen(folder: Path) -> None:
    (folder / "shop.py").write_text(VIEW)
    assert "sync_to_async(time.sleep)" in run("asyncify", "--skip", "sleep", "shop.py::view").stdout
    assert "asyncio.sleep" in run("asyncify", "--only", "sleep", "shop.py::view").stdout
    done = run("asyncify", "--only", "redis", "shop.py::view")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "left alone" in done.stderr


def test_packages_are_named(folder: Path) -> None:
    (folder / "shop.py").write_text(
        "import subprocess\n\ndef view():\n    subprocess.check_call(['true'])\n    return 'x'\n"
    )
    assert run("asyncify", "shop.py::view").stderr.endswith("Add to the requirements: anyio\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["swap", "nowhere"], "There is no file or folder nowhere."),
        (["swap", "broken.py"], "broken.py is not valid Python: line 2"),
        (["swap", "odd.py"], "odd.py cannot be decoded"),
        (["asyncify", "broken.py::view"], "broken.py is not valid Python: line 2"),
        (["asyncify", "nowhere.py::view"], "nowhere.py cannot be read: No such file or directory."),
        (["asyncify", "shop.py"], "Which view? Name it: shop.py::view. It has view."),
        (["asyncify", "shop.py::other"], "There is no function 'other' in shop.py. It has view."),
        (["asyncify", "--skip", "magic", "shop.py::view"], "There is no rule 'magic'. The rules are sleep, requests"),
    ],
)
def test_mistakes_are_told_in_a_sentence(folder: Path, arguments: list[str], sentence: str) -> None:
    (folder / "shop.py").write_text(VIEW)
    (folder / "broken.py").write_text("x = 1\ndef view(:\n")
    (folder / "odd.py").write_bytes(b"# coding: utf-8\nx = '\xff'\n")
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    assert sentence in done.stderr
    assert "Traceback" not in done.output


def test_help_has_examples_and_rules() -> None:
    assert "asyncify" in run("--help").stdout
    assert "aeros-compat swap --write" in run("swap", "--help").stdout
    text = run("asyncify", "--help").stdout
    assert "aeros-compat asyncify shop/views.py::checkout" in text
    for rule in RULES:
        assert f"  {rule.name:11} {rule.summary}\n" in text


def test_serving_needs_none_of_it(folder: Path) -> None:
    """Neither libcst nor the commands are loaded by what serves."""
    code = (
        "import sys, aeros_compat.command\n"
        "sys.exit(any(name.startswith(('libcst', 'aeros_compat.migrate')) for name in sys.modules))"
    )
    assert subprocess.run([*PYTHON, "-c", code], cwd=folder, env=environment(), timeout=60).returncode == 0


def test_without_libcst_the_command_says_what_to_install(folder: Path) -> None:
    (folder / "libcst").mkdir()  # nothing that could be imported
    (folder / "shop.py").write_text(APP)
    (folder / "run.py").write_text(
        "import sys\nsys.modules['libcst'] = None\nfrom aeros_compat.command import main\nmain()\n"
    )
    done = ended("run.py", "swap", "shop.py", cwd=folder)
    assert done.returncode == 2, sys.executable
    assert done.stderr == "Error: This needs libcst, which is not installed: pip install 'aeros_compat[migrate]'\n"
