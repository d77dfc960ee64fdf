"""Quart with async views; hooks are sync, as they are in an application that comes from Flask."""

from __future__ import annotations

import asyncio
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from cachelib import SimpleCache
from quart import Blueprint, Quart, Response, jsonify, render_template, request, session
from starlette.middleware.gzip import GZipMiddleware
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
    VIEWS,
    WAIT,
)
from .quart_hooks import add_hooks
from .slow import busy, slow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


def application(workload: str) -> Quart:
    app = quart()
    WORKLOADS[workload](app)
    return app


def quart() -> Quart:
    app = Quart("benchmarks", static_folder=str(STATIC), template_folder=str(TEMPLATES))
    app.secret_key = SECRET_KEY
    return app


def text(app: Quart) -> None:
    @app.get("/")
    async def view() -> str:
        return TEXT


def json(app: Quart) -> None:
    @app.get("/")
    async def view() -> Response:
        return jsonify(DOCUMENT)


def echo(app: Quart) -> None:
    @app.post("/")
    async def view() -> Response:
        return jsonify(await request.get_json())


def template(app: Quart) -> None:
    @app.get("/")
    async def view() -> str:
        return await render_template("rows.html", title="Rows", rows=ROWS)


def signed_session(app: Quart) -> None:
    @app.get("/")
    async def view() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return f"{session['visits']} visits"


def hooks(app: Quart) -> None:
    add_hooks(app)
    text(app)


def add_blueprints(app: Quart, view: Callable[..., Any]) -> None:
    for number in range(BLUEPRINTS):
        blueprint = Blueprint(f"b{number}", "benchmarks", url_prefix=f"/b{number}")
        for index in range(VIEWS):
            blueprint.add_url_rule(f"/v{index}/<int:value>", f"v{index}", view)
        app.register_blueprint(blueprint)


def routes(app: Quart) -> None:
    async def show_value(value: int) -> str:
        return str(value)

    add_blueprints(app, show_value)


def static(app: Quart) -> None:
    """Quart has the route already."""


def stream(app: Quart) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(CHUNKS):
            yield CHUNK

    @app.get("/")
    async def view() -> Response:
        return Response(chunks(), mimetype="text/plain")


def upload(app: Quart) -> None:
    @app.post("/")
    async def view() -> str:
        size = 0
        async for chunk in request.body:
            size += len(chunk)
        return str(size)


def cached(app: Quart) -> None:
    """flask-caching does not know Quart: this is the least that a cache has to do, with flask-caching's own store."""
    store = SimpleCache()

    def by_path(view: Callable[[], Awaitable[Response]]) -> Callable[[], Awaitable[Response]]:
        @wraps(view)
        async def from_store() -> Response:
            key = f"view/{request.path}"
            response = store.get(key)
            if response is None:
                response = await view()
                store.set(key, response, 300)
            return cast("Response", response)

        return from_store

    @app.get("/")
    @by_path
    async def view() -> Response:
        return jsonify(DOCUMENT)


def compress(app: Quart) -> None:
    """By Starlette's middleware: Quart has none of its own."""
    app.asgi_app = GZipMiddleware(app.asgi_app, minimum_size=500, compresslevel=GZIP_LEVEL)  # type: ignore[arg-type, assignment, method-assign]


def compressed(app: Quart) -> None:
    compress(app)

    @app.get("/")
    async def view() -> Response:
        return jsonify(MANY_ROWS)


def trust_proxy(app: Quart) -> None:
    """By uvicorn's middleware: Werkzeug's is for WSGI."""
    app.asgi_app = ProxyHeadersMiddleware(app.asgi_app, trusted_hosts="127.0.0.1")  # type: ignore[arg-type, assignment, method-assign]


def proxyfix(app: Quart) -> None:
    trust_proxy(app)

    @app.get("/")
    async def view() -> str:
        return f"{request.remote_addr} {request.scheme}"


def wait(app: Quart) -> None:
    @app.get("/")
    async def view() -> str:
        await asyncio.sleep(WAIT)
        return TEXT


def mixed(app: Quart) -> None:
    text(app)
    app.add_url_rule("/slow", view_func=slow)
    app.add_url_rule("/busy", view_func=busy)


WORKLOADS: dict[str, Callable[[Quart], None]] = {
    "text": text,
    "json": json,
    "echo": echo,
    "template": template,
    "session": signed_session,
    "hooks": hooks,
    "routes": routes,
    "static_10k": static,
    "static_1m": static,
    "stream": stream,
    "upload": upload,
    "cached": cached,
    "compressed": compressed,
    "proxyfix": proxyfix,
    "wait": wait,
    "mixed": mixed,
}
