"""The command line ``aeros-compat``: real programs, asked over the network."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from werkzeug.serving import make_ssl_devcert

from .programs import ended, environment, refused, running
from .servers import free_port

MODULE = """
import os
import flask
from aeros_compat import WebServer

def answer():
    app = flask.current_app._get_current_object()
    return {
        "name": app.name,
        "made by": type(app).__name__,
        "debug": app.debug,
        "threads": getattr(app, "worker_threads", None),
        "root": flask.request.script_root,
        "limit": os.environ.get("LIMIT"),
    }

def create_app(name="made"):
    app = flask.Flask(name)
    app.add_url_rule("/", view_func=answer)
    return app

def needs(argument):
    return create_app(argument)

plain = flask.Flask("plain")
plain.add_url_rule("/", view_func=answer)
server = WebServer("server", worker_threads=5)
server.add_url_rule("/", view_func=answer)
number = 1
server.run()  # nobody has guarded it
"""

RUN = ("-m", "aeros_compat", "run")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    for name in ("module.py", "package/inner.py"):
        (tmp_path / name).write_text(MODULE)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("module:server", "server"),
        ("module:plain", "plain"),
        ("module:create_app", "made"),
        ("module:create_app()", "made"),
        ("module:needs('given')", "given"),
        ("module.py:plain", "plain"),
        ("package.inner:plain", "plain"),
        ("package/inner.py:plain", "plain"),
    ],
)
def test_targets(folder: Path, target: str, name: str) -> None:
    port = free_port()
    with running(*RUN, target, "--port", str(port), port=port, cwd=folder) as server:
        answer = server.get().json()
        assert (answer["name"], answer["debug"]) == (name, False)
        assert answer["made by"] == "WebServer"
        assert f"Serving '{name}' on http://127.0.0.1:{port}" in server.log
        assert server.end() == 0


def test_options(folder: Path) -> None:
    port = free_port()
    options = ("--threads", "3", "--debug", "--no-reload", "--no-debugger", "--root-path", "/shop", "--no-access-log")
    more = ("--header", "x-served: by us", "--no-server-header", "--limit-concurrency", "50")
    with running(*RUN, *options, *more, "module:plain", "-p", str(port), port=port, cwd=folder) as server:
        response = server.get()
        assert response.json() | {"limit": None} == {
            "name": "plain",
            "made by": "WebServer",
            "debug": True,
            "threads": 3,
            "root": "/shop",
            "limit": None,
        }
        assert response.headers["x-served"] == "by us"
        assert "server" not in response.headers
        assert "GET /" not in server.log
        assert "3 threads for sync views; debug mode: on" in server.log


def test_socket_of_somebody_else(folder: Path) -> None:
    """As systemd hands it over."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    command = (sys.executable, *RUN, "module:plain", "--fd", str(listener.fileno()))
    with subprocess.Popen(command, cwd=folder, env=environment(), pass_fds=[listener.fileno()], text=True) as server:
        try:
            # It listens already: requests wait until the server runs.
            assert httpx.get(url, timeout=30).json()["name"] == "plain"
        finally:
            server.terminate()
        assert server.wait(30) == 0
    listener.close()


def test_environment(folder: Path) -> None:
    """Flask's variables and files, WEB_CONCURRENCY, and uvicorn's own."""
    port = free_port()
    (folder / ".flaskenv").write_text(f"FLASK_APP=module:plain\nFLASK_RUN_PORT={port}\nLIMIT=default\n")
    (folder / "more.env").write_text("LIMIT=given\n")
    variables = {"FLASK_RUN_HOST": "127.0.0.1", "WEB_CONCURRENCY": "2", "UVICORN_ROOT_PATH": "/below"}
    with running(*RUN, "--env-file", "more.env", port=port, cwd=folder, **variables) as server:
        answer = server.get().json()
        assert (answer["name"], answer["limit"], answer["root"]) == ("plain", "given", "/below")
        assert "2 workers with 8 threads each" in server.log
        assert server.end() == 0


@pytest.mark.parametrize("how", ["files", "adhoc", "context"])
def test_certificate_of_flask_run(folder: Path, how: str) -> None:
    """FLASK_RUN_CERT and FLASK_RUN_KEY, also in .flaskenv: each of the three things that Flask's command takes."""
    port = free_port()
    make_ssl_devcert(str(folder / "c"), host="localhost")
    (folder / "tls.py").write_text(
        "from werkzeug.serving import load_ssl_context\ncontext = load_ssl_context('c.crt', 'c.key')\n"
    )
    lines = {"files": "FLASK_RUN_CERT=c.crt\nFLASK_RUN_KEY=c.key", "adhoc": "FLASK_RUN_CERT=adhoc"}
    (folder / ".flaskenv").write_text(lines.get(how, "FLASK_RUN_CERT=tls.context"))
    with running(*RUN, "module:plain", "-p", str(port), port=port, cwd=folder, scheme="https") as server:
        assert server.get(verify=False).json()["name"] == "plain"
        assert f"https://127.0.0.1:{port}" in server.log


def test_certificate_without_a_key_is_refused_as_by_flask(folder: Path) -> None:
    make_ssl_devcert(str(folder / "c"), host="localhost")
    for command in ((*RUN, "module:plain"), ("-m", "flask", "--app", "module:plain", "run")):
        done = ended(*command, cwd=folder, FLASK_RUN_CERT="c.crt")
        assert done.returncode == 2
        assert "Error: Invalid value for '--key': Required when using \"--cert\"." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["no_module:app"], "no module 'no_module'"),
        (["package.nothing"], "no module 'package.nothing'"),
        (["no_file.py"], "no file 'no_file.py'"),
        (["module:nothing"], "Failed to find attribute 'nothing' in 'module'"),
        (["module:number"], "valid Flask application was not obtained"),
        (["module:needs"], "could not be called with the specified arguments"),
        (["module:a b"], "Failed to parse 'a b'"),
        (["module"], "multiple Flask applications"),
        ([], "Which application? Name it, as in module:app"),
        (["module:plain", "--threads", "0"], "worker_threads must be a number, at least 1"),
        (["module:plain", "--workers", "0"], "workers must be a number, at least 1"),
        (["module:plain", "--port", "x"], "not 'x'"),
        (["module:plain", "--ssl-certfile", "module.py"], "module.py and its key cannot be used"),
        (["module:plain", "--workers", "2", "--reload"], "workers=1"),
        (["module:plain", "--limit-concurrency", "0"], "soft_limit"),
    ],
)
def test_refusals(folder: Path, arguments: list[str], text: str) -> None:
    """One sentence and exit code 1."""
    assert text in refused(*RUN, *arguments, cwd=folder)


@pytest.mark.parametrize("code", ["import no_such_package", "def broken(:", "1 / 0", "import package.nothing"])
def test_failures_of_the_module_are_shown_from_there_on(folder: Path, code: str) -> None:
    """An import error inside the module is not taken for a missing module, and no step of ours is in the way."""
    (folder / "faulty.py").write_text(f"x = 1\n{code}\n")
    done = ended(*RUN, "faulty:app", cwd=folder)
    assert done.returncode == 1
    assert 'faulty.py", line 2' in done.stderr
    assert "aeros_compat" not in done.stderr
    assert "click" not in done.stderr
    assert "Error: " in done.stderr.splitlines()[-1]


def test_failures_of_a_factory_are_shown_from_there_on(folder: Path) -> None:
    (folder / "faulty.py").write_text("def create_app():\n    return {}['database']\n")
    done = ended(*RUN, "faulty", cwd=folder)
    assert done.returncode == 1
    assert done.stderr.splitlines()[1].endswith('faulty.py", line 2, in create_app')
    assert done.stderr.splitlines()[-2:] == [
        "KeyError: 'database'",
        "Error: faulty cannot be loaded: see above what its own code raises.",
    ]


def test_the_default_is_the_one_of_flask(folder: Path) -> None:
    port = free_port()
    (folder / "app.py").write_text("from module import create_app\n")
    with running(*RUN, "-p", str(port), port=port, cwd=folder) as server:
        assert server.get().json()["name"] == "made"


def test_help_tells_own_options_from_uvicorns(folder: Path) -> None:
    script = Path(sys.executable).with_name("aeros-compat")
    done = subprocess.run((script, "run", "--help"), cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0
    own, _, others = done.stdout.partition("Options of uvicorn:")
    for option in ("--host", "--port", "--uds", "--workers", "--threads", "--debug", "--reload", "--help"):
        assert option in own
    for option in ("--ssl-certfile", "--root-path", "--limit-concurrency", "--access-log"):
        assert option in others
    # Uvicorn's reloader and its way to find an application are not ours.
    for option in ("--factory", "--app-dir", "--interface", "--reload-dir"):
        assert option not in done.stdout
