"""The legacy example for tests that run it from outside: copied, taken to a step, filled, served."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from .programs import PYTHON
from .servers import free_port, is_listening, stop, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "flask_legacy"

#: What each step is, from plain Flask on. Step n has the first n patches.
STEPS = {0: "plain Flask", 1: "WebServer", 2: "WebServer, some views async", 3: "WebServer, old tool mounted"}
PATCHES = ("1-swap.patch", "2-async-views.patch", "3-mount.patch")

_CSRF_TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


def environment(**variables: str) -> dict[str, str]:
    """The environment for a program that is started: no settings of this test run, or of the user's Flask, leak in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "FLASK_", "HANGAR_"))}
    return kept | variables


def run(*command: str, cwd: Path, env: dict[str, str] | None = None, stdin: str = "") -> str:
    """The output of a program, which has to succeed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment() if env is None else env,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def copy_example(folder: Path, step: int) -> Path:
    """A copy of the example, taken to ``step`` as its README says."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("instance", "__pycache__", ".*_cache"))
    for patch in PATCHES[:step]:
        run("git", "apply", "-p1", f"steps/{patch}", cwd=folder)
    return folder


def fill(folder: Path) -> None:
    """What the README of the example says to do before it is served; there is a lead mechanic, maria."""
    flask = (*PYTHON, "-m", "flask", "--app", "wsgi")
    run(*flask, "init-db", cwd=folder)
    imported = run(*flask, "import-data", cwd=folder)
    assert imported == "Imported 339 airports.\nImported 3322 aircraft.\n"
    run(*flask, "users", "add", "maria", "--name", "Maria Lead", "--lead", "--password", "maria-password", cwd=folder)


@contextlib.contextmanager
def served(folder: Path, code: str, env: dict[str, str] | None = None) -> Iterator[str]:
    """A server that ``code`` runs on ``port`` in a process of its own; gives its base URL.

    The server's log must tell of no failure in the end.
    """
    port = free_port()
    log = folder / "server.log"
    with log.open("w") as output:
        running = subprocess.Popen(
            (*PYTHON, "-c", f"port = {port}\n{code}"),
            cwd=folder,
            env=environment() if env is None else env,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: is_listening(port) or running.poll() is not None)
        assert running.poll() is None, f"the server ended:\n{log.read_text()}"
        yield f"http://127.0.0.1:{port}"
        assert running.poll() is None, f"the server ended:\n{log.read_text()}"
    except BaseException as error:
        error.add_note(f"The server's log ends with:\n{log.read_text()[-5000:]}")
        raise
    finally:
        stop(running)
    text = log.read_text()
    assert "Traceback" not in text, text
    assert "Warning" not in text, text


class Visitor:
    """Somebody with a browser: keeps cookies, and the CSRF token of the last page that had one.

    Each request is written down, as method and path.
    """

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=60, trust_env=False)
        self.requests: list[tuple[str, str]] = []
        self.csrf_token = ""

    def close(self) -> None:
        self.client.close()

    def ask(self, method: str, path: str, expected: int = 200, **options: Any) -> httpx.Response:
        """One request, which has to be answered with the status ``expected``."""
        response = self.client.request(method, path, **options)
        assert response.status_code == expected, f"{method} {path}: {response.status_code}\n{response.text[:2000]}"
        self.requests.append((method, path.partition("?")[0]))
        if token := _CSRF_TOKEN.search(response.text):
            self.csrf_token = token[1]
        return response

    def get(self, path: str, expected: int = 200, **options: Any) -> httpx.Response:
        """GET, and HEAD, which has to be answered alike."""
        response = self.ask("GET", path, expected, **options)
        head = self.ask("HEAD", path, expected, **options)
        assert head.content == b""
        assert head.headers.get("content-type") == response.headers.get("content-type")
        return response

    def post(
        self, path: str, form: dict[str, str] | None = None, *, expected: int = 302, files: Any = None
    ) -> httpx.Response:
        """A form, with the token that the page before had."""
        return self.ask("POST", path, expected, data={**(form or {}), "csrf_token": self.csrf_token}, files=files)
