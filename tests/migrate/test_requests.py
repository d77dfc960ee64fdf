"""The rule ``requests``, against a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import Response, jsonify, redirect, request

from aeros_compat import WebServer

from ..servers import served
from .code import convert, module, same_answers, told, view_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLIENT = "async with httpx.AsyncClient(follow_redirects=True, timeout=None) as client:\n    "


def other_server() -> WebServer:
    """What the views ask: it tells what it was asked."""
    app = WebServer("other")

    @app.route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def echo() -> Response:
        body = request.get_json(silent=True) or request.form.to_dict()
        return jsonify(method=request.method, args=request.args.to_dict(), body=body, x=request.headers.get("X-A"))

    @app.route("/to")
    def to() -> Response:
        return redirect("/echo?from=to")  # type: ignore[return-value]

    @app.route("/status/<int:code>")
    def status(code: int) -> Response:
        return Response(f"{code}", status=code)

    return app


@pytest.fixture(scope="module")
def head() -> Iterator[str]:
    with served(other_server()) as url:
        yield f"import requests\n\nURL = {url!r}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "r = requests.get(f'{URL}/echo')\nreturn r.json()",
            f"{CLIENT}r = await client.get(f'{{URL}}/echo')\nreturn r.json()",
        ),
        ("return requests.get(URL + '/to').json()", f"{CLIENT}return (await client.get(URL + '/to')).json()"),
        (
            "r = requests.post(f'{URL}/echo', json={'a': None}, headers={'X-A': 'b'}, timeout=(3, 5))\nreturn r.json()",
            f"{CLIENT}r = await client.post(f'{{URL}}/echo', json={{'a': None}}, headers={{'X-A': 'b'}},"
            " timeout=httpx.Timeout(None, connect=3, read=5))\nreturn r.json()",
        ),
        (
            "q = request.args.get('q', 'ä b')\n"
            "r = requests.put(f'{URL}/echo', data={'q': q, 'n': 1}, timeout=9)\nreturn r.json()",
            "q = request.args.get('q', 'ä b')\n"
            f"{CLIENT}r = await client.put(f'{{URL}}/echo', data={{'q': q, 'n': 1}}, timeout=9)\nreturn r.json()",
        ),
        (
            "r = requests.head(f'{URL}/to')\nreturn str((r.status_code, r.headers['Location'], r.ok))",
            f"{CLIENT}r = await client.head(f'{{URL}}/to', follow_redirects=False)\n"
            "return str((r.status_code, r.headers['Location'], (not r.is_error)))",
        ),
        (
            "r = requests.get(f'{URL}/to', allow_redirects=False)\nreturn str(r.status_code)",
            f"{CLIENT}r = await client.get(f'{{URL}}/to', follow_redirects=False)\nreturn str(r.status_code)",
        ),
        (
            "try:\n    r = requests.get(f'{URL}/status/404')\n    r.raise_for_status()\nexcept requests.HTTPError:\n"
            "    return 'none'",
            "try:\n    async with httpx.AsyncClient(follow_redirects=True, timeout=None) as client:\n"
            "        r = await client.get(f'{URL}/status/404')\n    if r.is_error:\n        r.raise_for_status()\n"
            "except (requests.HTTPError, httpx.HTTPStatusError):\n    return 'none'",
        ),
        # A redirect without a place to go to is no error to requests.
        (
            "r = requests.get(f'{URL}/status/304')\nr.raise_for_status()\nreturn r.content",
            f"{CLIENT}r = await client.get(f'{{URL}}/status/304')\nif r.is_error:\n    r.raise_for_status()\n"
            f"return r.content",
        ),
        (
            "try:\n    requests.get('http://127.0.0.1:1/').content\n"
            "except requests.exceptions.RequestException:\n    return 'gone'",
            "try:\n    async with httpx.AsyncClient(follow_redirects=True, timeout=None) as client:\n"
            "        (await client.get('http://127.0.0.1:1/')).content\n"
            "except (requests.exceptions.RequestException, httpx.HTTPError, httpx.InvalidURL):\n    return 'gone'",
        ),
    ],
)
def test_rewritten(tmp_path: Path, head: str, before: str, after: str) -> None:
    changed = same_answers(tmp_path, module(before, head))
    assert view_of(changed) == after
    assert "import httpx\n" in changed


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("r = requests.get(f'{URL}/echo')\nreturn r.text", "response.text is not known"),
        ("r = requests.get(f'{URL}/echo')\nreturn str(r)", "the response is handed on"),
        ("r = requests.get(f'{URL}/echo', auth=('a', 'b'))\nreturn r.json()", "auth=…"),
        ("r = requests.get(f'{URL}/echo', stream=True)\nreturn r.json()", "stream=…"),
        ("r = requests.get(f'{URL}/echo', {'a': 'b'})\nreturn r.json()", "names for its other arguments"),
        ("r = requests.get(f'{URL}/echo', params={'a': 'b'})\nreturn r.json()", "may have a query"),
        ("r = requests.post(f'{URL}/echo', data={'a': None})\nreturn r.json()", "data=…"),
        (
            "a = request.args.get('a')\nr = requests.get(f'{URL}/echo', headers={'X-A': a})\nreturn r.json()",
            "headers=…",
        ),
        ("t = object\nr = requests.get(f'{URL}/echo', timeout=None if t else t)\nreturn r.json()", "timeout=…"),
        ("try:\n    r = requests.get(f'{URL}/echo')\n    return r.json()\nexcept OSError:\n    return 'x'", "no"),
        (
            "try:\n    r = requests.get(f'{URL}/echo')\n    return r.json()\nexcept requests.RequestException:\n"
            "    return 'x'",
            "what .json() raises",
        ),
        (
            "try:\n    r = requests.get(f'{URL}/echo').json()\nexcept Exception as e:\n    return str(e)\nreturn r",
            "caught there",
        ),
        ("return requests.request('GET', f'{URL}/echo').json()", "it waits for another server"),
        ("with requests.Session() as s:\n    return s.get(f'{URL}/echo').json()", "context manager"),
        ("return [requests.get(f'{URL}/echo').status_code for _ in '12']", "it waits for another server"),
    ],
)
def test_left_alone(tmp_path: Path, head: str, body: str, why: str) -> None:
    """On the thread it works as before."""
    code = module(body, head)
    changed = same_answers(tmp_path, code)
    assert "httpx" not in changed
    assert why in told(convert(tmp_path, code)[1])


def test_an_error_handler_for_its_exceptions_keeps_requests(tmp_path: Path, head: str) -> None:
    handler = "\n\n@app.errorhandler(requests.RequestException)\ndef gone(error):\n    return 'gone', 502\n"
    changed = same_answers(tmp_path, module("return requests.get('http://127.0.0.1:1/').json()", head) + handler)
    assert "httpx" not in changed
