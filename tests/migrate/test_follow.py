"""Helpers that become async with a view, and callers that keep a function sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .code import HEAD, app_of, convert, is_on_loop, module, same_answers, told, view_of

if TYPE_CHECKING:
    from pathlib import Path

HELPERS = """\
import time

def wait(seconds):
    time.sleep(seconds)
    return "x"

def twice(seconds):
    return wait(seconds) + wait(seconds)

"""


def test_followed(tmp_path: Path) -> None:
    changed = same_answers(tmp_path, module("return twice(0).upper()", HELPERS), follow=True)
    assert view_of(changed) == "return (await twice(0)).upper()"
    assert "async def twice(seconds):\n    return await wait(seconds) + await wait(seconds)\n" in changed
    assert "async def wait(seconds):\n    await asyncio.sleep(seconds)\n" in changed


def test_not_followed_unless_asked_to(tmp_path: Path) -> None:
    changed = same_answers(tmp_path, module("return twice(0)", HELPERS))
    assert view_of(changed) == "return await sync_to_async(twice)(0)"
    assert "async def twice" not in changed


@pytest.mark.parametrize(
    "other",
    [
        "@app.get('/other')\ndef other():\n    return wait(0)\n",
        "@app.get('/other')\ndef other():\n    return ''.join(map(wait, [0]))\n",
        "waiter = wait\n",
    ],
)
def test_helpers_that_sync_code_uses_stay(tmp_path: Path, other: str) -> None:
    changed = same_answers(tmp_path, f"{module('return wait(0)', HELPERS)}\n\n{other}", follow=True)
    assert view_of(changed) == "return await sync_to_async(wait)(0)"


@pytest.mark.parametrize("body", ["return [wait(0)][0] + str([wait(n) for n in (0, 0)])", "return (lambda: wait(0))()"])
def test_helpers_that_are_called_where_nothing_can_be_awaited_stay(tmp_path: Path, body: str) -> None:
    changed, _ = convert(tmp_path, module(body, HELPERS), follow=True)
    assert "async def wait" not in changed
    assert app_of(changed).test_client().get("/").text.startswith("x")


def test_helpers_of_other_modules_and_methods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "market"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "helpers.py").write_text("from .deep import wait\n\ndef nap(n):\n    return wait(n)\n")
    (package / "deep.py").write_text("from time import sleep\n\ndef wait(n):\n    sleep(n)\n    return 'x'\n")
    code = (
        "from flask.views import MethodView\nfrom . import helpers\n\nclass Items(MethodView):\n"
        "    def get(self):\n        return self.find(0)\n\n    def find(self, n):\n        return helpers.nap(n)\n"
    )
    changed, outcome = convert(package, code, "Items", follow=True)
    assert "return await self.find(0)" in changed
    assert "async def find(self, n):\n        return await helpers.nap(n)" in changed
    assert (package / "helpers.py").read_text().endswith("async def nap(n):\n    return await wait(n)\n")
    assert "await asyncio.sleep(n)" in (package / "deep.py").read_text()
    assert [report.verdict for report in outcome.reports] == ["async def"] * 4


def test_tests_beside_the_package_are_callers(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_wait.py").write_text("from shop import wait\n\ndef test():\n    assert wait(0)\n")
    changed, _ = convert(tmp_path, module("return wait(0)", HELPERS), follow=True)
    assert "async def wait" not in changed


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ("@app.get('/other')\ndef other():\n    return view()\n", "sync code calls it"),
        ("signal.connect(view)\n", "it is handed on"),
        ("views = [view]\n", "it is handed on"),
    ],
)
def test_views_that_are_used_elsewhere_stay(tmp_path: Path, other: str, why: str) -> None:
    code = f"{module('return wait(0)', HELPERS)}\n\n{other}"
    changed, outcome = convert(tmp_path, code)
    assert changed == code
    assert why in told(outcome)
    assert "shop.py:" in told(outcome)


def test_views_that_call_each_other_are_converted_together(tmp_path: Path) -> None:
    code = f"{module('return wait(0)', HELPERS)}\n\n@app.get('/other')\ndef other():\n    return view() + '!'\n"
    changed, _ = convert(tmp_path, code, "view", "other")
    assert view_of(changed, "other") == "return await view() + '!'"
    app = app_of(changed)
    assert app.test_client().get("/other").text == "x!"
    assert is_on_loop(app, "other")


def test_a_view_that_is_registered_by_a_call(tmp_path: Path) -> None:
    code = f"{HELPERS}{HEAD}\n\ndef view():\n    return wait(0)\n\n\napp.add_url_rule('/', 'view', view)\n"
    assert "async def view" in same_answers(tmp_path, code)


def test_a_method_that_a_subclass_calls_stays(tmp_path: Path) -> None:
    code = (
        f"{HELPERS}{HEAD}\nfrom flask.views import MethodView\n\nclass Items(MethodView):\n    def get(self):\n"
        "        return wait(0)\n\nclass More(Items):\n    def get(self):\n        return super().get() + '!'\n"
    )
    changed, outcome = convert(tmp_path, code, "Items::get")
    assert changed == code
    assert "sync code calls it" in told(outcome)
