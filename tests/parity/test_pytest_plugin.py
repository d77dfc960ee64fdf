"""``pytest --aeros``: a suite that knows nothing of it, in processes of its own."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

import pytest_aeros
from aeros_compat.parity.request import read_corpus

from ..legacy import ROOT
from ..programs import ended

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

SHOP = """
from flask import Flask, request

def create_app():
    app = Flask(__name__)

    @app.post("/echo/<path:name>")
    def echo(name):
        return request.get_data()

    return app
"""

TESTS = """
import inspect
import threading
from flask import Flask
from shop import create_app

def test_echo():
    client = create_app().test_client()
    client.set_cookie("basket", "1")
    response = client.post("echo/a b?q=%FF", data=b"\\xff", headers={"X-Own": "1"})
    assert response.data == b"\\xff"

def test_which():
    app = create_app()
    assert isinstance(app, Flask)
    view = app.view_functions["echo"]
    print("WHICH", type(app).__name__, inspect.iscoroutinefunction(view))
"""


def pytest_run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "shop.py").write_text(SHOP)
    (folder / "test_shop.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    plugin = ("-p", "pytest_aeros", "-p", "no:cacheprovider")
    # By its name: whether the entry point is there depends on when this environment was made.
    return ended("-m", "pytest", "-s", *plugin, *options, cwd=folder, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")


@pytest.mark.parametrize(
    ("mode", "which"), [("flask", "Flask False"), ("sync", "WebServer False"), ("async", "WebServer True")]
)
def test_modes(tmp_path: Path, mode: str, which: str) -> None:
    done = pytest_run(tmp_path, f"--aeros={mode}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"WHICH {which}" in done.stdout
    assert "aeros: 1 requests by test clients" in done.stdout
    assert ("aeros: flask.Flask as it is" in done.stdout) is (mode == "flask")


def test_recording(tmp_path: Path) -> None:
    done = pytest_run(tmp_path, "--aeros-record=corpus.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WHICH Flask False" in done.stdout
    (request,) = read_corpus(tmp_path / "corpus.json")
    assert (request.method, request.target, request.body) == ("POST", "/echo/a%20b?q=%FF", b"\xff")
    assert request.visit == "test_shop.py::test_echo"
    headers = {name.lower(): value for name, value in request.headers}
    assert (headers["x-own"], headers["cookie"], headers["host"]) == ("1", "basket=1", "localhost")


def test_without_its_options_nothing_is_replaced(tmp_path: Path) -> None:
    done = pytest_run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WHICH Flask False" in done.stdout
    assert "aeros" not in done.stdout.replace(str(tmp_path), "")


WHAT_IS_IMPORTED = """
import sys
def pytest_sessionfinish():
    print("IMPORTED", *sorted(name for name in sys.modules if name.partition(".")[0] in {names}))
"""


def test_a_run_that_does_not_ask_for_it_imports_one_module(tmp_path: Path) -> None:
    """Pytest imports the entry point in every run of the environment, also where nobody has heard of Flask."""
    names = ("aeros_compat", "pytest_aeros", "flask", "quart", "werkzeug", "uvicorn")
    (tmp_path / "conftest.py").write_text(WHAT_IS_IMPORTED.replace("{names}", repr(names)))
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = ("-m", "pytest", "-s", "-p", "pytest_aeros", "-p", "no:cacheprovider")
    done = ended(*command, cwd=tmp_path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "IMPORTED pytest_aeros\n" in done.stdout


def test_it_can_be_left_out(tmp_path: Path) -> None:
    """``-p no:aeros`` names the entry point, which is there twice if this environment has it."""
    info = tmp_path / "aeros_again-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aeros-again\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[pytest11]\naeros = pytest_aeros\n")
    command = ("-m", "pytest", "--aeros=sync", "--version")
    assert ended(*command, cwd=tmp_path, PYTHONPATH=str(tmp_path)).returncode == 0
    done = ended(*command, "-p", "no:aeros", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 4
    assert "unrecognized arguments: --aeros=sync" in done.stderr


def test_the_entry_point() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert project["entry-points"]["pytest11"] == {"aeros": pytest_aeros.__name__}


def test_processes_of_xdist(tmp_path: Path) -> None:
    xdist = ("-p", "xdist", "-n", "1")
    done = pytest_run(tmp_path, *xdist, "--aeros=async", "--capture=fd", "-rP")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WHICH WebServer True" in done.stdout
    assert "requests by test clients" not in done.stdout
    done = pytest_run(tmp_path, *xdist, "--aeros-record=corpus.json")
    assert done.returncode == 4
    assert "run the tests without -n" in done.stderr
