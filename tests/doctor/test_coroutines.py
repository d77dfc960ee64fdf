"""Forgotten awaits, and bodies that async views read as sync ones do."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from aeros_compat.doctor.rules import blocking, bodies, forgotten_await

from .conftest import findings

if TYPE_CHECKING:
    from .conftest import Write

GLOBALS = """
import quart

client = httpx.AsyncClient()

async def is_admin(name):
    return name == "admin"

async def numbers():
    yield 1

@sync_to_async
def stored():
    return 1

class Store:
    async def load(self):
        return {}

    def later(self):
        return self.load()

store = Store()
"""
VIEW = """
@app.route("/", methods=["GET", "POST"])
async def view():
"""


def view(body: str) -> str:
    return GLOBALS + VIEW + textwrap.indent(body, "    ")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("if is_admin('x'):\n    return 'all'\nreturn ''", "is_admin"),
        ("return 'all' if is_admin('x') else ''", "is_admin"),
        ("if not is_admin('x'):\n    return ''\nreturn 'all'", "is_admin"),
        ("if request.args and is_admin('x'):\n    return ''\nreturn 'all'", "is_admin"),
        ("asyncio.sleep(1)\nreturn ''", "asyncio.sleep"),
        ("return quart.request.get_json()['x']", "quart.request.get_json"),
        ("data = quart.request.get_json()\nreturn data['x']", "quart.request.get_json"),
        ("return f'{store.load()}'", "store.load"),
        ("answer = client.get('http://127.0.0.1')\nreturn answer.text", "client.get"),
        ("return is_admin('x')", "is_admin"),
        ("return str(stored() + 1)", "stored"),
        ("for row in store.load():\n    return row", "store.load"),
        ("async def inner():\n    return 1\nreturn str(inner() == 1)", "inner"),
    ],
)
def test_forgotten(write: Write, body: str, text: str) -> None:
    (found,) = findings(write(view(body)), forgotten_await.find)
    assert found.message.startswith(f"{text}() gives a coroutine")
    assert (found.severity, found.concerns) == ("error", ("view",))


@pytest.mark.parametrize(
    "body",
    [
        "if await is_admin('x'):\n    return 'all'\nreturn ''",
        "await asyncio.sleep(1)\nreturn ''",
        "return (await quart.request.get_json())['x']",
        "data = quart.request.get_json()\ndata = await data\nreturn data['x']",
        "one, two = await asyncio.gather(is_admin('x'), store.load())\nreturn two",
        "task = asyncio.create_task(store.load())\ntask.add_done_callback(print)\nreturn await task",
        "pending = is_admin('x')\nif pending is not None:\n    await pending\nreturn ''",
        "pending = None\nif request.args:\n    pending = is_admin('x')\nif pending:\n    await pending\nreturn ''",
        "pending = is_admin('x')\npending.close()\nreturn ''",
        "async for number in numbers():\n    return str(number)",
        "return [number async for number in numbers()]",
        "return str(len([await each for each in (store.load(), is_admin('x'))]))",
        "return await store.later()",
        "async with client.stream('GET', '/') as answer:\n    return answer.text",
        "asyncio.get_running_loop().call_later(1, print)\nreturn ''",
    ],
)
def test_not_forgotten(write: Write, body: str) -> None:
    assert findings(write(view(body)), forgotten_await.find) == []


def test_forgotten_in_a_helper_of_another_module(write: Write) -> None:
    helpers = "import asyncio\n\nasync def load():\n    return 1\n\ndef wait():\n    load()\n"
    source = "import helpers_of_forgotten\n" + view("helpers_of_forgotten.wait()\nreturn ''")
    (found,) = findings(write(source, helpers_of_forgotten=helpers), forgotten_await.find)
    assert str(found.place) == "helpers_of_forgotten.py:7"
    assert found.concerns == ("view > wait",)


def test_blocking_in_a_helper_of_another_module(write: Write) -> None:
    """Through two modules, one of which imports the function and one the module."""
    source = "import first_of_blocking\n" + view("return first_of_blocking.load()")
    files = {
        "first_of_blocking": "from second_of_blocking import fetch\n\ndef load():\n    return fetch()\n",
        "second_of_blocking": "import time\n\ndef fetch():\n    time.sleep(1)\n    return ''\n",
    }
    (found,) = findings(write(source, **files), blocking.find)
    assert str(found.place) == "second_of_blocking.py:4"
    assert found.concerns == ("view > load > fetch",)


@pytest.mark.parametrize(
    ("body", "severity"),
    [
        ("return request.get_json()", "info"),
        ("return request.form['x']", "info"),
        ("return str(len(flask.request.files))", "warning"),
        ("return await sync_to_async(request.get_json)()", None),
        ("return await sync_to_async(lambda: request.form['x'])()", None),
        ("return (await quart.request.form)['x']", None),
        ("return request.args['x']", None),
    ],
)
def test_bodies(write: Write, body: str, severity: str | None) -> None:
    application = write(view(body))
    assert [found.severity for found in findings(application, bodies.find)] == ([severity] if severity else [])
    application.app.config["MAX_CONTENT_LENGTH"] = 1024
    assert findings(application, bodies.find) == []
