"""Flask's official tutorial application, unchanged, with ``WebServer`` in place of ``Flask``."""

from __future__ import annotations

import re
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

import pytest

from .legacy import ROOT, Visitor, environment, run, served
from .programs import PYTHON

#: Where the sdist stays between runs.
CACHE = ROOT / "var" / "sdists"

#: Imported before the application is: by pytest as a plugin, by the served application as a module.
SWAP = """
import flask
import flask.app
from aeros_compat import WebServer


class CountingServer(WebServer):
    requests = 0

    async def asgi_app(self, scope, receive, send):
        CountingServer.requests += scope["type"] == "http"
        await super().asgi_app(scope, receive, send)


flask.Flask = flask.app.Flask = CountingServer


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"{CountingServer.requests} requests through ASGI")
"""


def sdist_of_flask() -> Path:
    """Flask's source distribution, in the version that is installed."""
    name = f"flask-{version('flask')}.tar.gz"
    if not (CACHE / name).exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n")
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            pip = (sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "flask", "--dest", folder)
            run(*pip, f"flask=={version('flask')}", cwd=CACHE)
            Path(folder, name).replace(CACHE / name)
    return CACHE / name


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy of the tutorial, and ``swap.py`` beside it."""
    sdist = sdist_of_flask()
    folder = tmp_path_factory.mktemp("tutorial")
    top = sdist.name.removesuffix(".tar.gz")
    with tarfile.open(sdist) as tar:
        members = [member for member in tar if member.name.startswith(f"{top}/examples/tutorial/")]
        tar.extractall(folder, members, filter="data")
    home = folder / top / "examples" / "tutorial"
    (home / "swap.py").write_text(SWAP)
    return home


def test_its_own_tests(tutorial: Path) -> None:
    output = run(
        *(*PYTHON, "-m", "pytest", "-p", "swap", "-W", "error", "-q", "-p", "no:cacheprovider"),
        cwd=tutorial,
        env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
    )
    requests, summary = output.strip().splitlines()[-2:]
    assert re.fullmatch(r"24 passed in .*", summary), output
    assert int(requests.split()[0]) > 24, output


def test_over_http(tutorial: Path) -> None:
    code = "import swap, flaskr; flaskr.create_app().run(port=port)"
    run(*PYTHON, "-c", "import swap, flask.cli; flask.cli.main()", "--app", "flaskr", "init-db", cwd=tutorial)
    with served(tutorial, code) as url:
        visitor = Visitor(url)
        try:
            assert visitor.get("/hello").headers["server"] == "uvicorn"
            sign_up_and_in(visitor)
            write_a_post(visitor)
            log_out(visitor)
        finally:
            visitor.close()


def sign_up_and_in(visitor: Visitor) -> None:
    me = {"username": "alix", "password": "correct horse"}
    assert "Log In" in visitor.get("/").text
    assert visitor.get("/create", 302).headers["location"] == "/auth/login"
    visitor.get("/auth/register")
    assert visitor.post("/auth/register", me).headers["location"] == "/auth/login"
    assert "User alix is already registered." in visitor.post("/auth/register", me, expected=200).text
    visitor.get("/auth/login")
    assert "Incorrect password." in visitor.post("/auth/login", me | {"password": "wrong"}, expected=200).text
    assert "Incorrect username." in visitor.post("/auth/login", me | {"username": "nobody"}, expected=200).text
    assert "Log Out" not in visitor.get("/").text
    assert visitor.post("/auth/login", me).headers["location"] == "/"
    assert "alix" in visitor.get("/").text


def write_a_post(visitor: Visitor) -> None:
    visitor.get("/create")
    assert "Title is required." in visitor.post("/create", {"title": "", "body": ""}, expected=200).text
    visitor.post("/create", {"title": "First <post>", "body": "Größe & Ähnliches"})
    page = visitor.get("/").text
    assert "First &lt;post&gt;" in page
    assert "Größe &amp; Ähnliches" in page
    assert 'href="/1/update"' in page
    assert "Größe &amp; Ähnliches" in visitor.get("/1/update").text
    visitor.post("/1/update", {"title": "Second thoughts", "body": ""})
    page = visitor.get("/").text
    assert "Second thoughts" in page
    assert "First" not in page
    visitor.ask("DELETE", "/1/delete", 405)
    visitor.post("/1/delete")
    assert "Second thoughts" not in visitor.get("/").text
    visitor.get("/1/update", 404)
    visitor.post("/1/delete", expected=404)


def log_out(visitor: Visitor) -> None:
    visitor.ask("GET", "/auth/logout", 302)
    assert "Log In" in visitor.get("/").text
    assert visitor.post("/1/delete").headers["location"] == "/auth/login"
