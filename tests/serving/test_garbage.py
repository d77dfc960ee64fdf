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


# What is compiled and made before the block may bring a collection, as the first import after a change does.
IMPORT = """
import contextlib, gc, sys, threading, typing
BEFORE
had_frozen, collections = bool(gc.get_freeze_count()), []
gc.callbacks.append(lambda phase, info: collections.append(phase) if "flask" in sys.modules else None)
import aeros_compat
print(bool(collections), gc.isenabled(), bool(gc.get_freeze_count()) == had_frozen, len(gc.get_objects(0)) < 5000)
"""


@pytest.mark.parametrize(
    ("before", "seen"),
    [
        ("", "False True True True"),
        ("made = [[] for _ in range(gc.get_threshold()[0] - gc.get_count()[0] - 50)]", "False True True True"),
        ("gc.disable()", "False False True False"),
        ("gc.freeze()", "True True True True"),
        ("gc.set_threshold(20_000)", "False True True True"),
    ],
)
def test_nobody_looks_for_garbage_while_the_package_is_imported(tmp_path: Path, before: str, seen: str) -> None:
    """A program that has the collector off, or frozen objects, has it its own way."""
    done = ended("-c", IMPORT.replace("BEFORE", before), cwd=tmp_path)
    assert done.stdout.split("\n")[0] == seen, done.stderr


def test_an_import_on_another_thread_is_a_guest(tmp_path: Path) -> None:
    on_thread = "thread = threading.Thread(target=__import__, args=('aeros_compat',))\nthread.start()\nthread.join()"
    done = ended("-c", IMPORT.replace("import aeros_compat", on_thread).replace("BEFORE", ""), cwd=tmp_path)
    assert done.stdout.startswith("True True True"), done.stderr
