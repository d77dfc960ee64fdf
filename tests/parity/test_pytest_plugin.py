"""``pytest --aeros``: a suite that knows nothing of it, in processes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aeros_compat.parity.request import read_corpus

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
    plugin = ("-p", "aeros_compat.pytest_plugin", "-p", "no:cacheprovider")
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
