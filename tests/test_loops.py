"""Loops that others run: pytest-asyncio's, IPython's and a notebook's; and processes that fork."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from .programs import ended

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION = """
import asyncio, os, threading
import flask
from asgiref.sync import async_to_sync, sync_to_async
from aeros_compat import WebServer

app = WebServer(__name__)
app.secret_key = "only for tests"
app.before_request(lambda: setattr(flask.g, "before", threading.get_ident()))

async def word():
    await asyncio.sleep(0)
    return "word"

@app.get("/sync")
def sync():
    flask.session["seen"] = True
    return "word"

@app.get("/bridged")
def bridged():
    return async_to_sync(word)()

@app.get("/async")
async def awaited():
    flask.session["seen"] = True
    return await word()
"""

TESTS = """
import asyncio, threading
import pytest
from application import app, async_to_sync, sync_to_async, word

lanes = pytest.mark.parametrize("path", ["/sync", "/async"])

@lanes
async def test_sync_client_in_a_running_loop(path):
    client = app.test_client()
    assert client.get(path).text == "word"
    with client.session_transaction() as session:
        assert session["seen"]

@lanes
async def test_sync_clients_on_threads(path):
    answers = await asyncio.gather(*(asyncio.to_thread(app.test_client().get, path) for _ in range(20)))
    assert {answer.text for answer in answers} == {"word"}

@lanes
async def test_async_client(path):
    client = app.async_test_client()
    answers = await asyncio.gather(*(client.get(path) for _ in range(20)))
    assert {await answer.get_data(as_text=True) for answer in answers} == {"word"}

@lanes
async def test_both_clients_in_turns(path):
    for _ in range(3):
        assert app.test_client().get(path).text == "word"
        assert await (await app.async_test_client().get(path)).get_data(as_text=True) == "word"

async def test_async_to_sync():
    # asgiref refuses to block a loop that runs, under Flask too; from a thread it comes back to this one.
    for convert in (app.async_to_sync, async_to_sync):
        with pytest.raises(RuntimeError, match="in the same thread as an async event loop"):
            convert(word)()
        assert await sync_to_async(convert(word))() == "word"
    assert await (await app.async_test_client().get("/bridged")).get_data(as_text=True) == "word"

@lanes
def test_without_a_loop(path):
    assert app.test_client().get(path).text == "word"
    assert async_to_sync(word)() == app.async_to_sync(word)() == "word"

@lanes
@pytest.mark.asyncio(loop_scope="module")
async def test_on_one_loop_for_the_module(path):
    assert app.test_client().get(path).text == "word"
    assert await (await app.async_test_client().get(path)).get_data(as_text=True) == "word"
"""

#: Lines for ``ipython``, and for a notebook, whose kernel runs each cell inside its own loop.
CELLS = """
from application import *
for path in ("/sync", "/async"): print(app.test_client().get(path).text)

%autoawait asyncio
client = app.async_test_client()
for path in ("/sync", "/async"): print(await (await client.get(path)).get_data(as_text=True))

print(await word(), app.test_client().get("/async").text)
print(await sync_to_async(async_to_sync(word))())
"""

NOTEBOOK = """
import asyncio
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell

async def kernel(cells):
    shell = InteractiveShell.instance()
    for cell in cells:
        result = await shell.run_cell_async(cell, transformed_cell=shell.transform_cell(cell))
        result.raise_error()

asyncio.run(kernel(Path("cells.ipy").read_text().strip().split("\\n\\n")))
"""

FORKING = """
import os, sys
from application import *

def ask():
    client = app.test_client()
    return [client.get(path).text for path in ("/sync", "/async", "/sync")] == ["word"] * 3

if sys.argv[1] == "after the first request":
    assert ask()
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(0 if ask() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert ask()
print("done")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "application.py").write_text(APPLICATION)
    return tmp_path


def test_pytest_asyncio(folder: Path) -> None:
    (folder / "test_application.py").write_text(TESTS)
    (folder / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        "filterwarnings = error\npythonpath = .\n"
    )
    done = ended("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "13 passed" in done.stdout


def test_ipython(folder: Path) -> None:
    (folder / "cells.ipy").write_text(CELLS)
    done = ended("-m", "IPython", "--no-banner", "cells.ipy", cwd=folder, IPYTHONDIR=str(folder))
    assert done.stdout.split() == ["word"] * 7, done.stdout + done.stderr


def test_notebook(folder: Path) -> None:
    (folder / "cells.ipy").write_text(CELLS)
    (folder / "kernel.py").write_text(NOTEBOOK)
    done = ended("kernel.py", cwd=folder, IPYTHONDIR=str(folder))
    assert done.stdout.split() == ["word"] * 7, done.stdout + done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("when", ["after import", "after the first request"])
def test_fork(folder: Path, when: str) -> None:
    (folder / "forking.py").write_text(FORKING)
    # Python 3.12 warns of a fork beside threads, which is what is tried here.
    quiet = ("-W", "ignore::DeprecationWarning") if sys.version_info >= (3, 12) else ()
    done = ended(*quiet, "forking.py", when, cwd=folder)
    assert done.stdout == "done\n", done.stdout + done.stderr
