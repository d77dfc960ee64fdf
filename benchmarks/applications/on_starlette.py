"""Starlette with async views."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from a2wsgi import WSGIMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ..content import (
    BLUEPRINTS,
    CHUNK,
    CHUNKS,
    DOCUMENT,
    GZIP_LEVEL,
    MANY_ROWS,
    ROWS,
    SECRET_KEY,
    STATIC,
    TEMPLATES,
    TEXT,
    THREADS,
    VIEWS,
    WAIT,
    as_json,
)
from .on_flask import legacy
from .slow import busy, slow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

TEMPLATED = Jinja2Templates(TEMPLATES)
SESSIONS = Middleware(SessionMiddleware, secret_key=SECRET_KEY)
GZIP = Middleware(GZipMiddleware, minimum_size=500, compresslevel=GZIP_LEVEL)
PROXIED = Middleware(ProxyHeadersMiddleware, trusted_hosts="127.0.0.1")


def application(workload: str) -> Starlette:
    return WORKLOADS[workload]()


def json_response(value: Any) -> Response:
    """JSON as Flask writes it, by the standard library as in Starlette's own."""
    return Response(as_json(value), media_type="application/json")


async def text(request: Request) -> Response:
    return HTMLResponse(TEXT)


async def json(request: Request) -> Response:
    return json_response(DOCUMENT)


async def echo(request: Request) -> Response:
    return json_response(await request.json())


async def template(request: Request) -> Response:
    return TEMPLATED.TemplateResponse(request, "rows.html", {"title": "Rows", "rows": ROWS})


async def signed_session(request: Request) -> Response:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HTMLResponse(f"{request.session['visits']} visits")


async def value(request: Request) -> Response:
    return HTMLResponse(str(request.path_params["value"]))


async def wait(request: Request) -> Response:
    await asyncio.sleep(WAIT)
    return HTMLResponse(TEXT)


async def stream(request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(CHUNKS):
            yield CHUNK

    return StreamingResponse(chunks(), media_type="text/plain")


async def upload(request: Request) -> Response:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
    return HTMLResponse(str(size))


async def compressed(request: Request) -> Response:
    return json_response(MANY_ROWS)


async def proxyfix(request: Request) -> Response:
    host = request.client.host if request.client else None
    return HTMLResponse(f"{host} {request.url.scheme}")


def blueprints() -> list[Mount]:
    views = [Route(f"/v{index}/{{value:int}}", value) for index in range(VIEWS)]
    return [Mount(f"/b{number}", routes=views) for number in range(BLUEPRINTS)]


def mixed() -> Starlette:
    def sync(view: Callable[[], str]) -> Callable[[Request], Response]:
        return lambda request: HTMLResponse(view())

    return Starlette(routes=[Route("/", text), Route("/slow", sync(slow)), Route("/busy", sync(busy))])


def static() -> Starlette:
    return Starlette(routes=[Mount("/static", StaticFiles(directory=STATIC))])


def mounted() -> Starlette:
    bridge: Any = WSGIMiddleware(legacy, workers=THREADS)  # type: ignore[arg-type]
    return Starlette(routes=[Mount("/mounted", bridge)])


def one_view(view: Callable[..., Any], *middleware: Middleware) -> Callable[[], Starlette]:
    return lambda: Starlette(routes=[Route("/", view, methods=["GET", "POST"])], middleware=middleware)


WORKLOADS: dict[str, Callable[[], Starlette]] = {
    "text": one_view(text),
    "json": one_view(json),
    "echo": one_view(echo),
    "template": one_view(template),
    "session": one_view(signed_session, SESSIONS),
    "routes": lambda: Starlette(routes=blueprints()),
    "static_10k": static,
    "static_1m": static,
    "stream": one_view(stream),
    "upload": one_view(upload),
    "compressed": one_view(compressed, GZIP),
    "mounted": mounted,
    "proxyfix": one_view(proxyfix, PROXIED),
    "wait": one_view(wait),
    "mixed": mixed,
}
