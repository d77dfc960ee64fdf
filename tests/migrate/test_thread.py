"""The rule ``thread``: what is not known to be harmless runs on the request's thread, in as few hops as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .code import CLOSE, answers, app_of, convert, is_on_loop, module, same_answers, told, view_of
from .code import HEAD as HEAD_OF_MODULE

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
import sqlite3
import threading
from pathlib import Path

from flask import g, render_template_string

class Shop:
    def __init__(self):
        self.thread = threading.get_ident()
    def price(self, number):
        return number + (self.thread == threading.get_ident())

def connect():
    if "db" not in g:
        g.db = sqlite3.connect(":memory:")
    return g.db

def find(number):
    return connect().execute("SELECT ? AS n", (number,)).fetchone()

def double(number):
    return number * 2

def label(row):
    return f"n{row[0]}"

"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("row = find(1)\nreturn label(row)", "row = await sync_to_async(find)(1)\nreturn label(row)"),
        ("return str(find(2)[0])", "return str((await sync_to_async(find)(2))[0])"),
        # One hop for two pieces.
        ("return label(find(find(3)[0]))", "return label(await sync_to_async(lambda: find(find(3)[0]))())"),
        (
            "return str(connect().execute('SELECT 1').fetchall())",
            "return str(await sync_to_async(lambda: connect().execute('SELECT 1').fetchall())())",
        ),
        (
            "return {'n': find(1)[0], 'm': double(2)}",
            "return {'n': (await sync_to_async(find)(1))[0], 'm': double(2)}",
        ),
        (
            "return str([find(n)[0] for n in (1, 2)])",
            "return str(await sync_to_async(lambda: [find(n)[0] for n in (1, 2)])())",
        ),
        (
            "return str(sum(find(n)[0] for n in (1, 2)))",
            "return str(await sync_to_async(lambda: sum(find(n)[0] for n in (1, 2)))())",
        ),
        (
            "return str(sorted([2, 1], key=lambda n: find(n)))",
            "return str(await sync_to_async(lambda: sorted([2, 1], key=lambda n: find(n)))())",
        ),
        (
            "return render_template_string('{{ x }}', x=1)  # plain",
            "return await sync_to_async(render_template_string)('{{ x }}', x=1)  # plain",
        ),
        (
            "if find(0)[0] or find(1)[0]:\n    return 'yes'\nreturn 'no'",
            "if await sync_to_async(lambda: find(0)[0] or find(1)[0])():\n    return 'yes'\nreturn 'no'",
        ),
        (
            "def inner():\n    return find(4)\nreturn label(inner())",
            "def inner():\n    return find(4)\nreturn label(await sync_to_async(inner)())",
        ),
        (
            "shop = Shop()\nreturn str(shop.price(1) - shop.price(1))",
            "shop = await sync_to_async(Shop)()\n"
            "return str(await sync_to_async(lambda: shop.price(1) - shop.price(1))())",
        ),
        ("return str(max([1, 2], key=find))", "return str(await sync_to_async(max)([1, 2], key=find))"),
        (
            "g.shop = connect()\nreturn str(g.get('shop').execute('SELECT 1').fetchone())",
            "g.shop = await sync_to_async(connect)()\n"
            "return str(await sync_to_async(lambda: g.get('shop').execute('SELECT 1').fetchone())())",
        ),
        (
            "app.config['SHOP'] = Shop()\nreturn str(app.config['SHOP'].price(1))",
            "app.config['SHOP'] = await sync_to_async(Shop)()\n"
            "return str(await sync_to_async(app.config['SHOP'].price)(1))",
        ),
        (
            "rows = {1: 'x'}\ndel rows[find(1)[0]]\nreturn rows",
            "rows = {1: 'x'}\n\ndef work():\n    del rows[find(1)[0]]\n\nawait sync_to_async(work)()\nreturn rows",
        ),
        # Reading the attribute reads the body.
        (
            "return request.form.get('x', 'none')",
            "return await sync_to_async(lambda: request.form.get('x', 'none'))()",
        ),
        (
            "return str(Path('/').exists())",
            "return str(await sync_to_async(Path('/').exists)())",
        ),
    ],
)
def test_rewritten(tmp_path: Path, before: str, after: str) -> None:
    changed = same_answers(tmp_path, module(before, HEAD) + CLOSE)
    assert view_of(changed) == after
    assert "from aeros_compat import WebServer, sync_to_async\n" in changed


@pytest.mark.parametrize(
    "body",
    [
        "return label([double(3)])",
        "return jsonify(x=request.args.get('x', 'y').upper(), y=len('abc'), z=sorted([2, 1]))",
        "session['n'] = session.get('n', 0) + 1\napp.logger.name\nreturn str(session['n'])",
        "names = [name.strip() for name in 'a, b'.split(',')]\nreturn ' '.join(names)",
        "try:\n    raise KeyError('x')\nexcept KeyError as error:\n    return str(error)",
        "from flask import abort, redirect, url_for\nreturn redirect(url_for('view'))",
        "import json\nreturn json.dumps({'a': 1})",
    ],
)
def test_harmless_code_stays(tmp_path: Path, body: str) -> None:
    """No hop where none is needed."""
    changed = same_answers(tmp_path, module(body, HEAD))
    assert view_of(changed) == body
    assert "sync_to_async" not in changed


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("if (row := find(1)):\n    return label(row)", None),
        ("return str([row := find(1)])", None),
        ("return str([(row := find(1)), find(2), row])", ":= cannot be put"),
        ("return str((find(1), locals()))", "locals() cannot be put"),
        ("rows = (find(n) for n in (1, 2))\nreturn str(list(rows))", "a generator expression is run later"),
        ("yield find(1)[0]", "it is a generator"),
        ("from flask import stream_with_context\nreturn stream_with_context(iter('ab'))", "keeps its thread"),
        ("def inner(x=find(1)):\n    return x\nreturn label(inner())", "it calls connect()"),
    ],
)
def test_left_alone(tmp_path: Path, body: str, why: str | None) -> None:
    """The view stays as it is, and the reason is told with its line. (Where there is none, it need not.)"""
    code = module(body, HEAD)
    changed, outcome = convert(tmp_path, code)
    if why is None:
        assert "async def view" in changed
        return
    assert changed == code
    assert outcome.reports[0].verdict == "left alone"
    assert why in told(outcome)


def test_attributes_of_an_orm_are_loaded_on_the_thread(tmp_path: Path) -> None:
    head = "import sqlalchemy\n\nclass User:\n    name = 'ada'\n\ndef find(): return make()\n\nmake = User\n"
    changed = same_answers(tmp_path, module("user = find()\nuser.name = user.name.upper()\nreturn user.name", head))
    assert view_of(changed) == (
        "user = await sync_to_async(find)()\n\ndef work():\n    user.name = user.name.upper()\n\n"
        "await sync_to_async(work)()\nreturn await sync_to_async(lambda: user.name)()"
    )


def test_arguments_of_views_are_plain_if_the_route_says_so(tmp_path: Path) -> None:
    """A converter of the application's own may give an object whose methods wait."""
    code = (
        f"{HEAD_OF_MODULE}\n@app.get('/<int:a>/<b>/<user:c>')\ndef view(a, b, c):\n"
        "    return b.title() + a.conjugate() + c.title()\n"
    )
    changed, _ = convert(tmp_path, code)
    assert "return b.title() + a.conjugate() + await sync_to_async(c.title)()" in changed


def test_files_of_a_request_are_written_on_the_thread(tmp_path: Path) -> None:
    code = module("file = request.files['x']\nfile.save('/dev/null')\nreturn file.filename\n")
    given = {"path": "/", "method": "POST", "data": {"x": (__file__, "name.txt")}}
    changed = same_answers(tmp_path, code, given)
    assert "await sync_to_async(file.save)('/dev/null')" in changed


def test_super_of_a_method_is_called_on_the_thread(tmp_path: Path) -> None:
    code = (
        f"import time\n{HEAD_OF_MODULE}\nfrom flask.views import MethodView\n\nclass Base(MethodView):\n"
        "    def get(self):\n        time.sleep(0)\n        return 'x'\n\n"
        "class Items(Base):\n    def get(self):\n        return super().get() + '!'\n\n"
        "app.add_url_rule('/', view_func=Items.as_view('items'))\n"
    )
    changed, _ = convert(tmp_path, code, "Items::get")
    assert "return await sync_to_async(super().get)() + '!'" in changed
    assert answers(changed) == answers(code)
    assert is_on_loop(app_of(changed), "items")


def test_large_bodies_arrive(tmp_path: Path) -> None:
    """More than what is collected before a view starts."""
    code = module("return str(len(request.get_data()))\n")
    changed = same_answers(tmp_path, code, {"path": "/", "method": "POST", "data": b"x" * 1_500_000})
    assert view_of(changed) == "return str(len(await sync_to_async(request.get_data)()))"


def test_without_the_rule_a_view_that_needs_it_stays(tmp_path: Path) -> None:
    code = module("return label(find(1))", HEAD)
    changed, outcome = convert(tmp_path, code, skip=["thread"])
    assert changed == code
    assert "the rule thread is left out" in told(outcome)


WRITES = """
from flask import Response, make_response, redirect

def find():
    with open("/dev/null") as file:
        return file.read()

def made():
    return make_response(find())

"""


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("r = make_response(jsonify(find()))\nr.set_cookie('a', '1')\nreturn r", "r.set_cookie('a', '1')"),
        ("r = Response(str(find()))\nr.headers.add('X-A', '1')\nreturn r", "r.headers.add('X-A', '1')"),
        ("r = redirect(str(find()))\nr.delete_cookie('a')\nreturn r", "\nr.delete_cookie('a')"),
        ("r = jsonify(find())\nr.set_etag('a')\nr.headers.setdefault('X-A', 'b')\nreturn r", "\nr.set_etag('a')"),
    ],
)
def test_headers_of_a_response_are_written_on_the_loop(tmp_path: Path, body: str, kept: str) -> None:
    code = module(body, WRITES)
    changed = view_of(same_answers(tmp_path, code))
    assert kept in changed
    assert changed.count("sync_to_async") == 1  # for find()


@pytest.mark.parametrize(
    ("body", "moved"),
    [
        # Whoever made it may have made something else.
        ("r = made()\nr.set_cookie('a', '1')\nreturn r", "await sync_to_async(r.set_cookie)('a', '1')"),
        # The body may be a generator.
        ("r = Response(str(1))\nx = Response(find())\nreturn x.get_data()", "sync_to_async(x.get_data)()"),
        # It may be something else by now.
        ("r = make_response('a')\nif r:\n    r = made()\nr.set_etag('b')\nreturn r", "sync_to_async(r.set_etag)('b')"),
        ("r = Response('a')\nr.headers.extend(find())\nreturn r", "sync_to_async(lambda: r.headers.extend(find()))()"),
    ],
)
def test_what_may_be_no_response_is_left_to_the_thread(tmp_path: Path, body: str, moved: str) -> None:
    changed, outcome = convert(tmp_path, module(body, WRITES))
    assert moved in view_of(changed), told(outcome)
