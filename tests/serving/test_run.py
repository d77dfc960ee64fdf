"""``python app.py``: the real thing, in one process."""

from __future__ import annotations

import errno
import os
import signal
import socket
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest
from werkzeug.serving import make_ssl_devcert

from aeros_compat.serving.listening import reason_at_address

from ..programs import ended, refused, running
from ..servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
import atexit, os, sys, time
from aeros_compat import WebServer
from flask import request

app = WebServer(__name__)

@app.get("/")
def index():
    return {"scheme": request.scheme, "debug": app.debug, "threads": app.worker_threads, "name": app.name}

@app.get("/slow")
async def slow():
    import asyncio
    await asyncio.sleep(0.5)
    return "finished"

@app.get("/fail")
def fail():
    raise KeyError("out")

@app.after_serving
def end():
    print("after serving", flush=True)

if __name__ == "__main__":
    atexit.register(print, "at exit", flush=True)
    try:
        app.run(PORT, OPTIONS)
    finally:
        print("finally", flush=True)
    print("run has returned", flush=True)
"""


@pytest.fixture
def port() -> int:
    return free_port()


def program(folder: Path, port: int, options: str = "") -> str:
    text = MODULE.replace("PORT", f"port={port}").replace("OPTIONS", options)
    (folder / "app.py").write_text(text)
    return "app.py"


def test_sigterm_ends_in_order(tmp_path: Path, port: int) -> None:
    """Exit code 0, after the requests and the program's own clean-up."""
    with running(program(tmp_path, port, "worker_threads=3"), port=port, cwd=tmp_path) as server:
        assert server.get().json() == {"scheme": "http", "debug": False, "threads": 3, "name": "app"}
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        # The answer to this one says that the other is there.
        assert server.get().status_code == 200
        assert server.end() == 0
        connection.settimeout(10)
        assert connection.recv(65536).endswith(b"finished")
        connection.close()
        assert f"Serving 'app' on http://127.0.0.1:{port}" in server.log
        assert "3 threads for sync views; debug mode: off" in server.log
        assert server.log.index("after serving") < server.log.index("finally") < server.log.index("at exit")
        assert "run has returned" not in server.log
        assert "Traceback" not in server.log


def test_interrupt_returns_to_the_program(tmp_path: Path, port: int) -> None:
    with running(program(tmp_path, port), port=port, cwd=tmp_path) as server:
        assert server.end(signal.SIGINT) == 0
        assert server.log.index("after serving") < server.log.index("run has returned")


def test_port_that_is_taken(tmp_path: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        text = refused(program(tmp_path, port), cwd=tmp_path)
    assert f"Port {port} of 127.0.0.1 is in use by another program" in text
    assert text.count("\n") == 1


def test_privileged_port() -> None:
    error = OSError(errno.EACCES, os.strerror(errno.EACCES))
    assert "privileged programs only" in reason_at_address(error, "127.0.0.1", 80)


def test_any_free_port_is_announced(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from aeros_compat import WebServer\n"
        "app = WebServer(__name__)\n"
        "@app.before_serving\n"
        "def stop():\n"
        "    app.stop()\n"
        "app.run(port=0)\n"
    )
    done = ended("app.py", cwd=tmp_path)
    assert done.returncode == 0
    assert "on http://127.0.0.1:" in done.stdout
    assert "on http://127.0.0.1:0" not in done.stdout


def test_throw_away_certificate(tmp_path: Path, port: int) -> None:
    with running(program(tmp_path, port, "ssl_context='adhoc'"), port=port, cwd=tmp_path, scheme="https") as server:
        assert server.get(verify=False).json()["scheme"] == "https"
        assert f"https://127.0.0.1:{port}" in server.log


@pytest.mark.parametrize("how", ["ssl_context=('c.crt', 'c.key')", "ssl_certfile='c.crt', ssl_keyfile='c.key'"])
def test_certificate_files(tmp_path: Path, port: int, how: str) -> None:
    make_ssl_devcert(str(tmp_path / "c"), host="localhost")
    with running(program(tmp_path, port, how), port=port, cwd=tmp_path, scheme="https") as server:
        context = ssl.create_default_context(cafile=str(tmp_path / "c.crt"))
        context.check_hostname = False
        assert server.get(verify=context).json()["scheme"] == "https"


def test_certificate_as_a_context(tmp_path: Path, port: int) -> None:
    make_ssl_devcert(str(tmp_path / "c"), host="localhost")
    how = "ssl_context=__import__('werkzeug.serving').serving.load_ssl_context('c.crt', 'c.key')"
    with running(program(tmp_path, port, how), port=port, cwd=tmp_path, scheme="https") as server:
        assert server.get(verify=False).json()["scheme"] == "https"
    text = refused(program(tmp_path, port, how + ", workers=2"), cwd=tmp_path)
    assert "ssl_context=(certificate, key)" in text


def test_unix_socket(tmp_path: Path, port: int) -> None:
    path = tmp_path / "app.sock"
    # One that a killed server has left is replaced.
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    with running(program(tmp_path, 0, f"host='unix://{path}'"), port=str(path), cwd=tmp_path) as server:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://x") as client:
            assert client.get("/").json()["name"] == "app"
        assert "Another program listens" in refused(program(tmp_path, 0, f"uds='{path}'"), cwd=tmp_path)
        assert server.end() == 0
    assert not path.exists()


def test_settings_from_files(tmp_path: Path, port: int) -> None:
    """``.flaskenv`` as Flask reads it."""
    (tmp_path / ".flaskenv").write_text("FLASK_DEBUG=1\n")
    with running(program(tmp_path, port, "use_reloader=False"), port=port, cwd=tmp_path) as server:
        assert server.get().json()["debug"] is True
    with running(program(tmp_path, port, "load_dotenv=False"), port=port, cwd=tmp_path) as server:
        assert server.get().json()["debug"] is False


def test_errors_that_pass_through(tmp_path: Path, port: int) -> None:
    """``passthrough_errors`` lets the server crash with the exception, as Werkzeug's does."""
    options = "debug=True, use_reloader=False, use_debugger=False, passthrough_errors=True"
    with running(program(tmp_path, port, options), port=port, cwd=tmp_path) as server:
        server.get("/fail")
        assert server.process.wait(20) == 1
        assert server.log.rstrip().splitlines()[-2] == "KeyError: 'out'"


def test_application_that_does_not_start(tmp_path: Path, port: int) -> None:
    (tmp_path / "app.py").write_text(
        "from aeros_compat import WebServer\n"
        "app = WebServer(__name__)\n"
        "@app.before_serving\n"
        "def start():\n"
        "    raise ValueError('no database')\n"
        f"app.run(port={port})\n"
    )
    done = ended("app.py", cwd=tmp_path)
    assert done.returncode == 3
    assert "ValueError: no database" in done.stderr
