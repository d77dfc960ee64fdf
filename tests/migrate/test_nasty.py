"""Code that would mean something else on the event loop: each of these was rewritten wrongly once, or might be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .code import CLOSE, convert, module, same_answers, told, view_of

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
import asyncio
import sqlite3
import threading
from contextvars import ContextVar

from flask import Response, abort, g

class State(threading.local):
    pass

state = threading.local()
other_state = State()
tenant = ContextVar("tenant", default="none")

def connect():
    if "db" not in g:
        g.db = sqlite3.connect(":memory:")
    return g.db

def find(number):
    return connect().execute("SELECT ? AS n", (number,)).fetchone()

def rows():
    return connect().execute("SELECT 1 UNION SELECT 2")

def ping(n):
    find(n)
    return pong(n)

def pong(n):
    return str(n) if n == 0 else ping(n - 1)

class User:
    @property
    def label(self):
        return str(find(1)[0])

    @property
    def title(self):
        return self.label.upper()

def user():
    find(1)
    return User()

"""


@pytest.mark.parametrize(
    ("body", "part"),
    [
        # A token can be given back in the context alone in which the value was set; a hop has one of its own.
        (
            "token = tenant.set('a')\ntry:\n    find(1)\n    return tenant.get()\nfinally:\n    tenant.reset(token)",
            "    tenant.reset(token)",
        ),
        # A cursor is run through, by what does not look like a call.
        ("r = rows()\nreturn str((1,) in r)", "lambda: (1,) in r"),
        ("a, b = rows()\nreturn str((a, b))", "    a, b = rows()\n    return a, b"),
        ("r = rows()\na, b = r\nreturn str((a, b))", "    a, b = r\n    return a, b"),
        ("a, *b = rows()\nreturn str((a, b))", "    a, *b = rows()"),
        ("r = rows()\nreturn str([*r])", "lambda: [*r]"),
        ("r = rows()\nreturn str(max(*r))", "lambda: max(*r)"),
        ("out = []\nout += rows()\nreturn str(out)", "    out += rows()"),
        ("return str(list(map(lambda n: find(n)[0], (1, 2))))", "lambda: list(map("),
        # Defaults are evaluated where a lambda stands.
        ("f = lambda x=find(1)[0]: x\nreturn str(f())", "x=(await sync_to_async(find)(1))[0]"),
        # What is kept by thread would be every request's on the event loop.
        ("state.name = 'ada'\nfind(1)\nreturn state.name", "    state.name = 'ada'\n"),
        ("other_state.name = 'ada'\nfind(1)\nreturn other_state.name", "lambda: other_state.name"),
        # Properties run code.
        ("u = user()\nreturn u.label", "lambda: u.label"),
        ("u = user()\nreturn u.title", "lambda: u.title"),
        ("u = user()\nreturn getattr(u, 'label')", "sync_to_async(getattr)(u, 'label')"),
        # Elements of a tuple are no arguments.
        ("return str((find(1)[0], find(2)[0]))", "lambda: (find(1)[0], find(2)[0])"),
        ("t = find(1)[0], find(2)[0]\nreturn str(t)", "lambda: (find(1)[0], find(2)[0])"),
        # Functions that call each other.
        ("return pong(2)", "sync_to_async(pong)(2)"),
    ],
)
def test_rewritten(tmp_path: Path, body: str, part: str) -> None:
    assert part in view_of(same_answers(tmp_path, module(body, HEAD) + CLOSE))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("r = rows()\ntry:\n    next(r)\nexcept StopIteration:\n    return 'end'\nreturn 'more'", "StopIteration"),
        ("with connect():\n    first = next(rows())\nreturn str(first)", "StopIteration"),
        ("class Row:\n    n = find(1)[0]\nreturn str(Row.n)", "it is part of a class"),
        ("def gen():\n    yield find(1)[0]\nfor x in gen():\n    return str(x)", "it may return from the view, or not"),
        ("def inner(n=next(rows())):\n    return n\nreturn str(inner())", "next() runs what is behind"),
    ],
)
def test_left_alone(tmp_path: Path, body: str, why: str) -> None:
    code = module(body, HEAD)
    changed, outcome = convert(tmp_path, code)
    assert changed == code
    assert why in told(outcome)


@pytest.mark.parametrize(
    "body",
    [
        "a, b = 1, 2\nreturn str((a, b))",
        "a, *b = [1, 2, 3]\nreturn str(a)",
        "return str('x' in request.args)",
        "return str('db' in g)",
        "out = []\nout += [1]\nreturn str(out)",
        "n = 1\nn += len(request.args)\nreturn str(n)",
        "class Row:\n    n = 1\nreturn str(Row.n)",
        "return tenant.get()",
    ],
)
def test_harmless_code_stays(tmp_path: Path, body: str) -> None:
    assert view_of(same_answers(tmp_path, module(body, HEAD))) == body


@pytest.mark.parametrize(
    "body",
    [
        "def parts():\n    t = threading.get_ident()\n    for n in range(5):\n"
        "        yield str(t == threading.get_ident())\nfind(1)\nreturn Response(parts())",
        "async def fetch():\n    return 'x'\nc = fetch()\nfind(1)\nreturn asyncio.run(c)",
        "try:\n    return str(find(1)[0])\nfinally:\n    find(2)",
        "for n in (1, 2):\n    if find(n)[0] == 3:\n        break\nelse:\n    return 'none'\nreturn 'x'",
        "n = 0\ndef add():\n    nonlocal n\n    n += find(1)[0]\nadd()\nadd()\nreturn str(n)",
        "n = 5\nxs = [find(n)[0] for n in (1, 2)]\nreturn str((n, xs))",
        "class time:\n    sleep = staticmethod(lambda s: None)\ntime.sleep(1)\nreturn 'x'",
        "def len(x):\n    return find(7)[0]\nreturn str(len('abc'))",
        "n = 1\nn += find(2)[0]\nreturn str(n)",
        "return str(1 < find(2)[0] < 3)",
        "def check(n):\n    find(n)\n    abort(404)\ncheck(1)\nreturn 'x'",
        "try:\n    assert find(0)[0], str(find(5)[0])\n"
        "except AssertionError as error:\n    return str(error)\nreturn 'x'",
        'return f"{find(1)[0]:>{find(5)[0]}}"',
        "r = rows()\nout = []\nwhile (row := r.fetchone()) is not None:\n    out.append(row[0])\nreturn str(out)",
        "db = connect()\ntry:\n    with db:\n        db.execute('CREATE TABLE t (n)')\n        raise KeyError\n"
        "except KeyError:\n    pass\nreturn str(db.in_transaction)",
    ],
)
def test_rewritten_and_the_same(tmp_path: Path, body: str) -> None:
    same_answers(tmp_path, module(body, HEAD) + CLOSE)
