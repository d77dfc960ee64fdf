"""Decorators around a view that becomes async."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .code import HEAD, answers, app_of, convert, is_on_loop, told

if TYPE_CHECKING:
    from pathlib import Path

DECORATORS = """\
import functools
import inspect

def checked(view):
    @functools.wraps(view)
    def wrapper(*args, **kwargs):
        if "no" in request.args:
            return "no", 403
        return view(*args, **kwargs)
    return wrapper

def needs(role):
    def decorate(view):
        @functools.wraps(view)
        def wrapper(*args, **kwargs):
            return view(*args, **kwargs)
        return wrapper
    return decorate

def both(view):
    if inspect.iscoroutinefunction(view):
        @functools.wraps(view)
        async def wrapper(*args, **kwargs):
            return await view(*args, **kwargs)
    else:
        @functools.wraps(view)
        def wrapper(*args, **kwargs):
            return view(*args, **kwargs)
    return wrapper

def loud(view):
    @functools.wraps(view)
    def wrapper(*args, **kwargs):
        return view(*args, **kwargs).upper()
    return wrapper

def kept(view):
    result = []
    @functools.wraps(view)
    def wrapper(*args, **kwargs):
        result.append(view(*args, **kwargs))
        return result[-1]
    return wrapper

"""


GUARDS = """\
def answered(view):
    @functools.wraps(view)
    def wrapper(*args, **kwargs):
        try:
            return view(*args, **kwargs)
        except LookupError:
            return "lookup", 404
    return wrapper

def answered_by(status):
    def decorate(view):
        @functools.wraps(view)
        def wrapper(*args, **kwargs):
            try:
                return view(*args, **kwargs)
            except LookupError:
                return "lookup", status
        return wrapper
    return decorate

def locked(view):
    def wrapper(*args, **kwargs):
        with contextlib.suppress(LookupError):
            return view(*args, **kwargs)
        return "lookup", 404
    return wrapper

def answered_both(view):
    if inspect.iscoroutinefunction(view):
        @functools.wraps(view)
        async def wrapper(*args, **kwargs):
            try:
                return await view(*args, **kwargs)
            except LookupError:
                return "lookup", 404
    else:
        @functools.wraps(view)
        def wrapper(*args, **kwargs):
            try:
                return view(*args, **kwargs)
            except LookupError:
                return "lookup", 404
    return wrapper

"""


def code_with(decorator: str) -> str:
    return f"{HEAD}{DECORATORS}\n@app.get('/')\n@{decorator}\ndef view():\n    return 'x'\n"


@pytest.mark.parametrize(("decorator", "on_loop"), [("checked", False), ("needs('x')", False), ("both", True)])
def test_decorators_that_hand_on(tmp_path: Path, decorator: str, on_loop: bool) -> None:
    """Behind a sync one the view takes a thread, which is told."""
    code = code_with(decorator)
    changed, outcome = convert(tmp_path, code)
    assert "async def view" in changed
    assert answers(changed, {"path": "/"}, {"path": "/?no"}) == answers(code, {"path": "/"}, {"path": "/?no"})
    assert is_on_loop(app_of(changed)) is on_loop
    assert ("takes a thread" in told(outcome)) is not on_loop


@pytest.mark.parametrize("decorator", ["loud", "kept", "functools.lru_cache", "functools.partial(loud)"])
def test_decorators_that_use_what_the_view_returns(tmp_path: Path, decorator: str) -> None:
    changed, outcome = convert(tmp_path, code_with(decorator))
    assert changed == code_with(decorator)
    assert "nothing proves that this decorator only hands on" in told(outcome)


@pytest.mark.parametrize(
    ("decorator", "is_async"),
    [("answered", False), ("answered_by(410)", False), ("locked", False), ("answered_both", True)],
)
def test_decorators_that_wait_for_the_end_of_the_call(tmp_path: Path, decorator: str, is_async: bool) -> None:
    """Of an async view they would see the coroutine alone, and not what it raises."""
    head = f"{HEAD}{DECORATORS}import contextlib\n{GUARDS}"
    code = f"{head}\n@app.get('/')\n@{decorator}\ndef view():\n    return {{}}['missing']\n"
    changed, outcome = convert(tmp_path, code)
    assert ("async def view" in changed) is is_async
    assert ("is over before an async view runs" in told(outcome)) is not is_async
    assert answers(changed) == answers(code)


@pytest.mark.parametrize(("decorators", "is_async"), [("[checked]", True), ("[loud]", False), ("make()", False)])
def test_decorators_of_a_class(tmp_path: Path, decorators: str, is_async: bool) -> None:
    code = (
        f"{HEAD}{DECORATORS}\nfrom flask.views import MethodView\ndef make(): return []\n\nclass Items(MethodView):\n"
        f"    decorators = {decorators}\n    def get(self):\n        return 'x'\n\n"
        "app.add_url_rule('/', view_func=Items.as_view('items'))\n"
    )
    changed, _ = convert(tmp_path, code, "Items::get")
    assert ("async def get" in changed) is is_async
    assert answers(changed) == answers(code)
