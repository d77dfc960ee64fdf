"""``EasyRequest``: the current request, and nobody else's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
from asgiref.sync import async_to_sync

from aeros_compat import EasyRequest

from .servers import served

if TYPE_CHECKING:
    from aeros_compat import WebServer

    from .conftest import Lane


def test_headers_parameters_and_cookies(app: WebServer, lane: Lane) -> None:
    @app.get("/")
    @lane
    def view() -> Any:
        easy = EasyRequest
        return [easy.headers["X-Own"], easy.params["a"], easy.params.getlist("b"), easy.cookies["c"], repr(easy)]

    client = app.test_client()
    client.set_cookie("c", "cookie")
    answer = client.get("/?a=1&b=2&b=3", headers={"X-Own": "header"}).json
    assert answer == [
        "header",
        "1",
        ["2", "3"],
        "cookie",
        "<EasyRequest of <Request 'http://localhost/?a=1&b=2&b=3' [GET]>>",
    ]
    assert repr(EasyRequest) == "<EasyRequest, no request>"


async def _body() -> Any:
    if EasyRequest.headers["Content-Type"] == "application/json":
        return await EasyRequest.json
    return (await EasyRequest.form).to_dict(flat=False)


def test_bodies(app: WebServer) -> None:
    app.post("/async", endpoint="async")(_body)
    app.post("/sync", endpoint="sync")(lambda: async_to_sync(_body)())
    client = app.test_client()
    for path in ("/async", "/sync"):
        assert client.post(path, data={"a": ["1", "2"]}).json == {"a": ["1", "2"]}
        assert client.post(path, json={"b": [1]}).json == {"b": [1]}
        assert client.post(path, data="{", headers={"Content-Type": "application/json"}).status_code == 400


def test_concurrent_requests_see_only_their_own(app: WebServer) -> None:
    arrived: list[str] = []
    all_here = asyncio.Event()

    @app.post("/<number>")
    async def view(number: str) -> Any:
        before = dict(globals())
        arrived.append(EasyRequest.params["n"])
        if len(arrived) == 20:
            all_here.set()
        await all_here.wait()
        form = await EasyRequest.form
        assert set(globals()) == set(before), "names were written into the view's module"
        return [EasyRequest.params["n"], EasyRequest.headers["X-N"], EasyRequest.cookies["n"], form["n"]]

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:

            async def one(n: str) -> None:
                headers = {"X-N": n, "Cookie": f"n={n}"}
                answer = await client.post(f"/{n}", params={"n": n}, headers=headers, data={"n": n})
                assert answer.json() == [n, n, n, n]

            await asyncio.gather(*(one(str(n)) for n in range(20)))

    with served(app) as url:
        asyncio.run(ask())
