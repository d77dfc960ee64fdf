"""The reloader, with real processes and real files."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from aeros_compat.debugging.reloader import GRACE

from ..servers import free_port, is_listening, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aeros_compat import WebServer

MODULE = """
import asyncio, os, time
import flask, quart
import helper
from aeros_compat import WebServer

app = WebServer(__name__)
app.core.jinja_env.filters["of_quart"] = str  # before debug mode is switched on

@app.before_serving
async def begin():
    print("began", flush=True)

@app.after_serving
async def end():
    await asyncio.sleep(0.4)
    print("ended", flush=True)

@app.get("/")
def index():
    return "one " + helper.WORD

@app.get("/pid")
async def pid():
    return str(os.getpid())

@app.get("/slow")
def slow():
    time.sleep(1)
    return "finished"

@app.get("/stream")
async def stream():
    async def pieces():
        while True:
            yield b"piece"
            await asyncio.sleep(0.05)
    return pieces()

@app.get("/template")
def template():
    return flask.render_template("page.txt")

@app.get("/async-template")
async def async_template():
    return await quart.render_template("page.txt")

@app.get("/stop")
def stop():
    app.stop()
    return "stopping"

if __name__ == "__main__":
    app.run(port=PORT, debug=True, reloader_interval=0.1, reloader_type="stat", extra_files=["settings.txt"],
            exclude_patterns=["*/ignored.py"])
    print("returned", flush=True)
"""


class Reloading:
    """``python module.py`` in a folder, with the reloader."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "module.py"], cwd=folder, stdout=self._log, stderr=self._log, start_new_session=True
        )

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def text(self, path: str = "/") -> str:
        """What is answered on a new connection."""
        return httpx.get(self.url + path, timeout=30).text

    def edit(self, old: str, new: str, name: str = "module.py") -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def wait_for_log(self, text: str, times: int = 1) -> None:
        wait_for(lambda: self.log.count(text) >= times)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()


@pytest.fixture
def reloading(tmp_path: Path) -> Iterator[Reloading]:
    port = free_port()
    (tmp_path / "module.py").write_text(MODULE.replace("PORT", str(port)))
    (tmp_path / "helper.py").write_text("WORD = 'helper'")
    (tmp_path / "ignored.py").write_text("")
    (tmp_path / "settings.txt").write_text("")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.txt").write_text("first")
    reloading = Reloading(tmp_path, port)
    try:
        reloading.wait_for_log("began")
        wait_for(lambda: is_listening(port))
        yield reloading
    finally:
        reloading.close()


def test_the_new_answer_comes_after_an_edit(reloading: Reloading) -> None:
    assert reloading.text() == "one helper"
    first = reloading.text("/pid")
    reloading.edit("one", "two")
    reloading.wait_for_log("Shutting down")
    # Asked while the old process ends: the request waits for the new one, it is not refused.
    assert reloading.text() == "two helper"
    assert reloading.text("/pid") != first
    assert reloading.log.index("ended") < reloading.log.rindex("began")
    reloading.edit("'helper'", "'changed'", "helper.py")
    reloading.wait_for_log("Shutting down", 2)
    assert reloading.text() == "two changed"
    assert reloading.log.count("Serving 'module'") == 1
    assert reloading.log.count("began") == 3
    assert reloading.log.count("ended") == 2


def test_extra_files_and_excluded_ones(reloading: Reloading) -> None:
    first = reloading.text("/pid")
    (reloading.folder / "ignored.py").write_text("changed = True")
    time.sleep(1)  # ten looks
    assert reloading.text("/pid") == first
    (reloading.folder / "settings.txt").write_text("changed")
    reloading.wait_for_log("Shutting down")
    assert reloading.text("/pid") != first


def test_templates_on_request(reloading: Reloading) -> None:
    first = reloading.text("/pid")
    assert reloading.text("/template") == reloading.text("/async-template") == "first"
    (reloading.folder / "templates" / "page.txt").write_text("second")
    assert reloading.text("/template") == reloading.text("/async-template") == "second"
    assert reloading.text("/pid") == first


def test_a_syntax_error_waits_for_the_next_change(reloading: Reloading) -> None:
    reloading.edit("def index", "deff index")
    reloading.wait_for_log("waiting for a change")
    assert "SyntaxError" in reloading.log
    time.sleep(0.5)
    assert reloading.process.poll() is None
    reloading.edit("deff index", "def index")
    assert reloading.text() == "one helper"


def test_a_server_that_does_not_start_waits_for_the_next_change(reloading: Reloading) -> None:
    reloading.edit('print("began", flush=True)', "raise ValueError('not today')")
    reloading.wait_for_log("waiting for a change")
    assert "not today" in reloading.log
    reloading.edit("raise ValueError('not today')", 'print("began", flush=True)')
    assert reloading.text() == "one helper"


def test_a_save_while_the_new_process_fails(reloading: Reloading) -> None:
    """Before anybody waits for a change."""
    mended = "WORD = 'mended'"
    (reloading.folder / "mended.txt").write_text(mended)
    (reloading.folder / "helper.py").write_text(
        "import pathlib\npathlib.Path(__file__).write_text(pathlib.Path('mended.txt').read_text())\nraise ValueError"
    )
    reloading.wait_for_log("waiting for a change")
    reloading.wait_for_log("began", 2)
    assert reloading.text() == "one mended"


def test_requests_in_flight_are_finished(reloading: Reloading) -> None:
    answers: list[str] = []
    client = threading.Thread(target=lambda: answers.append(reloading.text("/slow")))
    client.start()
    time.sleep(0.3)
    reloading.edit("one", "two")
    client.join(10)
    assert answers == ["finished"]
    reloading.wait_for_log("began", 2)
    assert reloading.text() == "two helper"


def test_an_open_stream_does_not_hold_it_up(reloading: Reloading) -> None:
    with httpx.stream("GET", f"{reloading.url}/stream") as answer:
        pieces = answer.iter_raw()
        next(pieces)
        began = time.monotonic()
        reloading.edit("one", "two")
        reloading.wait_for_log("Shutting down")
        assert reloading.text() == "two helper"
        assert time.monotonic() - began > GRACE  # and it comes, though the stream has no end
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    reloading.wait_for_log("ended")
    assert reloading.log.count("A request was cut off: the server ends.") == 1
    assert '"GET /stream HTTP/1.1" 200' in reloading.log
    assert "Traceback" not in reloading.log


@pytest.mark.parametrize("whom", ["group", "first"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_in_order(reloading: Reloading, whom: str, number: signal.Signals) -> None:
    """To all processes, as a terminal sends an interrupt, or to the first alone, as supervisors do."""
    reloading.edit("one", "two")
    reloading.wait_for_log("began", 2)
    assert reloading.text() == "two helper"
    send = os.killpg if whom == "group" else os.kill
    send(reloading.process.pid, number)
    assert reloading.process.wait(15) == 0
    assert reloading.log.count("ended") == 2
    # An interrupt ends the server, and the program goes on after run(): once, in the process that has served.
    assert reloading.log.count("returned") == (1 if (whom, number) == ("group", signal.SIGINT) else 0)
    assert "Traceback" not in reloading.log
    assert not is_listening(reloading.port)


def test_signals_while_it_waits_for_a_change(reloading: Reloading) -> None:
    reloading.edit("def index", "deff index")
    reloading.wait_for_log("waiting for a change")
    os.killpg(reloading.process.pid, signal.SIGINT)
    assert reloading.process.wait(15) == 0
    assert "KeyboardInterrupt" not in reloading.log


def test_the_application_stops_itself(reloading: Reloading) -> None:
    assert reloading.text("/stop") == "stopping"
    assert reloading.process.wait(15) == 0
    assert reloading.log.count("ended") == 1
    assert reloading.log.count("returned") == 1
    assert not is_listening(reloading.port)


def test_a_port_that_is_taken(reloading: Reloading) -> None:
    """Said once, by the first process."""
    command = [sys.executable, "module.py"]
    done = subprocess.run(command, cwd=reloading.folder, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert done.stderr.count("is in use by another program") == 1
    assert "Traceback" not in done.stderr
    assert "Restarting" not in done.stderr


def test_on_another_thread(app: WebServer) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            app.run_server(port=free_port(), use_reloader=True)
        except RuntimeError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert "Pass use_reloader=False" in str(failures[0])


def test_a_type_of_reloader_that_does_not_exist(app: WebServer) -> None:
    with pytest.raises(ValueError, match="reloader_type must be one of auto, stat"):
        app.run(port=free_port(), use_reloader=True, reloader_type="guess")
