"""What programs print: on a terminal, in a pipe, as JSON, into files, and beside the user's own handlers."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ..programs import PYTHON, ended, environment, refused, running
from ..servers import wait_for
from .programs import lines_with, run, write

if TYPE_CHECKING:
    from pathlib import Path


def test_in_a_pipe(tmp_path: Path) -> None:
    """Access lines on stdout, the others on stderr; no colours; each line once; tracebacks from the view on."""
    done = run(tmp_path, end="app.logger.warning('afterwards')")
    access, failed = lines_with(done.stdout, "INFO 127")
    assert 'INFO 127.0.0.1 "GET /?q=1 HTTP/1.1" 200 5B ' in access
    assert 'INFO 127.0.0.1 "GET /fail HTTP/1.1" 500 ' in failed
    assert " sync wait=" in access
    assert " async wait=" in failed
    for text in ("Started server process", "WARNING in app: from the view", "WARNING in some.library: from a library"):
        assert len(lines_with(done.stderr, text)) == 1, done.stderr
    lines = done.stderr.splitlines()
    begin = lines.index("  Traceback (most recent call last):")
    assert lines[begin - 1].endswith("ERROR in app: Exception on /fail [GET]")
    assert lines[begin + 1].endswith(", in fail")
    assert "\x1b" not in done.stdout + done.stderr
    # What was set up for the server is gone with it: Flask's own format again.
    assert lines[-1].endswith("] WARNING in app: afterwards")
    assert "] [" not in lines[-1]


def test_on_a_terminal(tmp_path: Path) -> None:
    """Each stream for itself: stdout is a terminal here, stderr is none."""
    write(tmp_path, "access_log_file='access.log'")
    ours, theirs = pty.openpty()
    with (tmp_path / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            (*PYTHON, "app.py"), cwd=tmp_path, env=environment(TERM="xterm"), stdout=theirs, stderr=stderr
        )
    os.close(theirs)
    printed = b""
    while chunk := _read(ours):
        printed += chunk
    os.close(ours)
    assert process.wait(20) == 0
    assert b'\x1b[32mINFO\x1b[0m \x1b[1m127.0.0.1 "GET /?q=1 HTTP/1.1"\x1b[0m \x1b[32m200\x1b[0m 5B' in printed
    assert b"\x1b[31m500\x1b[0m" in printed
    assert "\x1b" not in (tmp_path / "stderr").read_text()
    assert "\x1b" not in (tmp_path / "access.log").read_text()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed: so Linux says it
        return b""


def test_json(tmp_path: Path) -> None:
    """Every line of both streams, from the first to the last."""
    done = run(tmp_path, "log_format='json', color=True")
    out, err = ([json.loads(line) for line in text.splitlines()] for text in (done.stdout, done.stderr))
    assert [(line["path"], line["status"], line["lane"]) for line in out] == [
        ("/?q=1", 200, "sync"),
        ("/fail", 500, "async"),
    ]
    found = {line["message"]: line for line in err}
    assert found["from the view"]["extra"] == {"order": 7}
    assert found["from a library"]["logger"] == "some.library"
    assert found["Exception on /fail [GET]"]["exception"].splitlines()[1].endswith("in fail")
    assert any(message.startswith("Serving 'app' on http://") for message in found)


ROOT = "logging.basicConfig(level='INFO', stream=sys.stdout, format='THEIRS %(name)s %(message)s')"

OWN = """
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("THEIRS %(name)s %(message)s"))
for name in ("app", "uvicorn", "some.library", "aeros_compat.access"):
    logging.getLogger(name).addHandler(handler)
"""

DICT = """
logging.config.dictConfig({
    "version": 1,
    "formatters": {"f": {"format": "THEIRS %(name)s %(message)s"}},
    "handlers": {"h": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "f"}},
    "root": {"level": "INFO", "handlers": ["h"]},
})
"""


@pytest.mark.parametrize("configuration", [ROOT, OWN, DICT], ids=["basicConfig", "handlers", "dictConfig"])
def test_users_configuration_before(tmp_path: Path, configuration: str) -> None:
    """It gets everything, in its own format, with Python's tracebacks; nothing is there twice."""
    _check_theirs(run(tmp_path, before=configuration))


def test_users_configuration_after(tmp_path: Path) -> None:
    """In a start-up function, when the logs of the server are there already."""
    _check_theirs(run(tmp_path, "log_format='json'", before="app.logger.name", after=ROOT))


def _check_theirs(done: subprocess.CompletedProcess[str]) -> None:
    for name, text in (
        ("app", "from the view"),
        ("app", r"Exception on /fail \[GET\]"),
        ("some.library", "from a library"),
        ("aeros_compat.access", r"127.0.0.1 \"GET /\?q=1 HTTP/1.1\" 200 5B"),
        ("uvicorn.error", "Finished server process"),
    ):
        assert len(lines_with(done.stdout, f"^THEIRS {name} {text}")) == 1, done.stdout
        assert lines_with(done.stderr, text) == []
    trace = done.stdout[done.stdout.index("Traceback") :].splitlines()
    assert "aeros_compat" in trace[1]  # all frames, from the lane on


def test_users_handler_beside_flasks(tmp_path: Path) -> None:
    """One that takes errors only (mail, say) takes them in addition; the others go where they went."""
    before = """
handler = logging.StreamHandler(sys.stdout)
handler.setLevel("ERROR")
handler.setFormatter(logging.Formatter("MAIL %(message)s"))
logging.getLogger().addHandler(handler)
"""
    done = run(tmp_path, before=before)
    assert [line for line in done.stdout.splitlines() if "MAIL" in line] == ["MAIL Exception on /fail [GET]"]
    for text in ("from the view", "Exception on /fail", "Started server process"):
        assert len(lines_with(done.stderr, text)) == 1, done.stderr
    assert len(lines_with(done.stdout, "GET /")) == 2


def test_flasks_handler_that_the_user_has_changed(tmp_path: Path) -> None:
    """As Flask's documentation shows it."""
    before = (
        "from flask.logging import default_handler\n"
        "default_handler.setFormatter(logging.Formatter('THEIRS %(message)s'))\n"
    )
    done = run(tmp_path, before=before)
    assert len(lines_with(done.stderr, "^THEIRS from the view$")) == 1
    assert len(lines_with(done.stderr, "from the view")) == 1


def test_users_format_for_uvicorns_access_lines(tmp_path: Path) -> None:
    """Who has configured them gets them, as before, and not ours beside them."""
    before = """
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("THEIRS %(message)s"))
logging.getLogger("uvicorn.access").addHandler(handler)
"""
    done = run(tmp_path, before=before)
    assert len(lines_with(done.stdout, "GET /fail")) == 1
    assert lines_with(done.stdout, 'THEIRS 127.0.0.1:[0-9]+ - "GET /fail HTTP/1.1" 500')


def test_uvicorns_log_config(tmp_path: Path) -> None:
    done = run(tmp_path, "log_config=__import__('uvicorn').config.LOGGING_CONFIG, access_log_file='access.log'")
    assert len(lines_with(done.stdout, '^INFO:     127.0.0.1:[0-9]+ - "GET /fail HTTP/1.1" 500')) == 1
    assert len(lines_with(done.stdout, "GET /fail")) == 1
    assert len(lines_with(done.stderr, "^INFO:     Started server process")) == 1
    assert len(lines_with((tmp_path / "access.log").read_text(), "GET /fail .* async wait=")) == 1


def test_files_instead_of_streams(tmp_path: Path) -> None:
    options = "default_log_file='server.log', access_log_file='access.log', log_to_std=False, access_log_to_std=False"
    done = run(tmp_path, options + ", traceback=False")
    assert lines_with(done.stdout, "GET") == []
    assert done.stderr == ""
    server, access = (tmp_path / "server.log").read_text(), (tmp_path / "access.log").read_text()
    assert len(access.splitlines()) == 2
    for text in ("Started server process", "in app: from the view", "in some.library: from a library", "/fail"):
        assert len(lines_with(server, text)) == 1, server
    assert "  ValueError: out\n" in server
    assert "Traceback" not in server


def test_without_access_log(tmp_path: Path) -> None:
    done = run(tmp_path, "access_log=False")
    assert lines_with(done.stdout + done.stderr, "HTTP/1.1") == []
    assert lines_with(done.stderr, "Started server process")


WORKERS = """
from aeros_compat import WebServer
from flask import request
app = WebServer(__name__)

@app.get("/<path:path>")
def index(path):
    return path[:1]

if __name__ == "__main__":
    from concurrent.futures import ThreadPoolExecutor
    app.run(port=PORT, workers=2, access_log_file="access.log", default_log_file="default.log", log_format="json")
"""


def test_workers_and_moved_files(tmp_path: Path) -> None:
    """Two processes append whole lines to one file, long ones too, and notice when it is moved away."""
    port = write(tmp_path)
    (tmp_path / "app.py").write_text(WORKERS.replace("PORT", str(port)))
    with running("app.py", port=port, cwd=tmp_path) as server:
        long = "x" * 20_000
        file, moved = tmp_path / "access.log", tmp_path / "access.log.1"
        once = {"Connection": "close"}
        lines: list[dict[str, str]] = []
        while len({line["worker"] for line in lines}) < 2:  # one that is busy, or late, may get none of the first
            asked = len(lines) + 60
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda number: server.get(f"/{number}{long}", headers=once), range(60)))
            wait_for(lambda asked=asked: len(file.read_text().splitlines()) == asked)  # type: ignore[misc]
            lines = [json.loads(line) for line in file.read_text().splitlines()]
        file.rename(moved)
        server.get("/again")
        wait_for(lambda: file.exists() and file.read_text().count("/again") == 2)
        assert server.end(signal.SIGTERM) == 0
    assert len({line["worker"] for line in lines}) == 2
    assert {line["path"][-20_000:] for line in lines} == {long}
    started = [json.loads(line) for line in (tmp_path / "default.log").read_text().splitlines()]
    workers = {line["worker"] for line in started if line["message"] == "Application startup complete."}
    assert workers == {line["worker"] for line in lines}
    assert "in worker" not in moved.read_text()


def test_worker_that_cannot_load_the_application(tmp_path: Path) -> None:
    """The traceback begins in its module."""
    port = write(tmp_path, before="import multiprocessing\nif multiprocessing.parent_process(): {}['setting']")
    done = ended("-m", "aeros_compat", "run", "app:app", "--port", str(port), "--workers", "2", cwd=tmp_path)
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    begin = lines.index("  Traceback (most recent call last):")
    assert "The application app:app cannot be loaded in a worker:" in lines[begin - 1]
    assert lines[begin + 1].startswith(f'    File "{tmp_path / "app.py"}", line ')


def test_file_that_cannot_be_opened(tmp_path: Path) -> None:
    write(tmp_path, "access_log_file='no/such/folder.log'")
    text = refused("app.py", cwd=tmp_path)
    assert f"The log file {tmp_path / 'no/such/folder.log'} cannot be opened: No such file or directory." in text
    assert text.count("\n") == 1


def test_command_line(tmp_path: Path) -> None:
    port = write(tmp_path)
    options = ("--log-format", "json", "--access-log-file", "access.log", "--default-log-file", "server.log")
    command = ("-m", "aeros_compat", "run", "app:app", "--port", str(port), *options, "--traceback", "full")
    done = ended(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    access, server = ((tmp_path / name).read_text().splitlines() for name in ("access.log", "server.log"))
    assert [json.loads(line)["path"] for line in access] == ["/?q=1", "/fail"]
    (failure,) = (json.loads(line) for line in server if "ValueError" in line)
    assert "aeros_compat" in failure["exception"]  # with all frames
