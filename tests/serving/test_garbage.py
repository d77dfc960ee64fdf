"""How often garbage is looked for: in a process that serves, and nowhere else."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

from aeros_compat import AdvancedThread, WebServer
from aeros_compat.garbage import OBJECTS

from ..programs import ended, running
from ..servers import free_port, wait_for

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
import gc
from aeros_compat import WebServer
SETTING
app = WebServer(__name__)

@app.get("/")
def threshold():
    return list(gc.get_threshold())

@app.before_serving
def end():
    if PORT == 0:
        app.stop()

if __name__ == "__main__":
    app.run(port=PORT, OPTIONS)
    print("after", gc.get_threshold()[0])
"""


def program(folder: Path, port: int, *, setting: str = "", options: str = "") -> str:
    text = MODULE.replace("SETTING", setting).replace("PORT", str(port)).replace("OPTIONS", options)
    (folder / "app.py").write_text(text)
    return "app.py"


def threshold(folder: Path, how: str, setting: str = "") -> Any:
    """What a request sees of a server that is started in one of three ways."""
    port = free_port()
    name = program(folder, port, setting=setting, options="workers=2" * (how == "workers"))
    command = ("-m", "aeros_compat", "run", "--port", str(port), name) if how == "command" else (name,)
    with running(*command, port=port, cwd=folder) as server:
        return server.get().json()


@pytest.mark.parametrize("how", ["run", "workers", "command"])
def test_a_server_looks_less_often(tmp_path: Path, how: str) -> None:
    assert threshold(tmp_path, how) == [OBJECTS, *gc.get_threshold()[1:]]


@pytest.mark.parametrize("how", ["run", "workers", "command"])
def test_what_the_application_says_holds(tmp_path: Path, how: str) -> None:
    assert threshold(tmp_path, how, "gc.set_threshold(50_000, 5, 5)") == [50_000, 5, 5]


def test_the_program_has_its_own_again(tmp_path: Path) -> None:
    done = ended(program(tmp_path, 0), cwd=tmp_path)
    assert f"after {gc.get_threshold()[0]}" in done.stdout, done.stderr


def test_a_server_on_another_thread_is_a_guest() -> None:
    app, seen = WebServer("tests.guest"), []
    before = gc.get_threshold()

    @app.before_serving
    def look() -> None:
        seen.append(gc.get_threshold())

    thread = AdvancedThread(target=app.run, kwargs={"port": 0})
    thread.start()
    wait_for(lambda: bool(seen))
    thread.stop()
    assert seen == [before]
    assert gc.get_threshold() == before
