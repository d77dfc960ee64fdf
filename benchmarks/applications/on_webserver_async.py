"""This project's async lane: the views of the Flask application as ``async def``, its hooks as they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flask import Response, abort, jsonify, render_template, request, session
from flask_login import current_user  # type: ignore[import-untyped]
from quart import Response as QuartResponse
from quart import request as quart_request
from werkzeug.middleware.proxy_fix import ProxyFix

from ..content import BLUEPRINTS, CHUNK, CHUNKS, DOCUMENT, MANY_ROWS, ROWS, TEXT, VIEWS, WAIT
from . import on_flask
from .on_webserver import webserver
from .slow import busy, slow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aeros_compat import WebServer


def application(workload: str) -> WebServer:
    app = webserver(workload)
    WORKLOADS[workload](app)
    return app


def text(app: WebServer) -> None:
    @app.get("/")
    async def view() -> str:
        return TEXT


def json(app: WebServer) -> None:
    @app.get("/")
    async def view() -> Response:
        return jsonify(DOCUMENT)


def echo(app: WebServer) -> None:
    @app.post("/")
    async def view() -> Response:
        return jsonify(request.get_json())


def template(app: WebServer) -> None:
    @app.get("/")
    async def view() -> str:
        return render_template("rows.html", title="Rows", rows=ROWS)


def signed_session(app: WebServer) -> None:
    @app.get("/")
    async def view() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return f"{session['visits']} visits"


def hooks(app: WebServer) -> None:
    on_flask.add_hooks(app)
    text(app)


async def _show_value(value: int) -> str:
    return str(value)


def routes(app: WebServer) -> None:
    for number in range(BLUEPRINTS):
        app.register_blueprint(on_flask.numbered_blueprint(number, VIEWS, _show_value))


def few_routes(app: WebServer) -> None:
    app.register_blueprint(on_flask.numbered_blueprint(0, 10, _show_value))


def stream(app: WebServer) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(CHUNKS):
            yield CHUNK

    @app.get("/")
    async def view() -> QuartResponse:
        return QuartResponse(chunks(), mimetype="text/plain")


def upload(app: WebServer) -> None:
    @app.post("/")
    async def view() -> str:
        size = 0
        async for chunk in quart_request.body:
            size += len(chunk)
        return str(size)


def cached(app: WebServer) -> None:
    @app.get("/")
    @app.cache(timeout=300)
    async def view() -> Response:
        return jsonify(DOCUMENT)


def compressed(app: WebServer) -> None:
    @app.get("/")
    async def view() -> Response:
        return jsonify(MANY_ROWS)


def no_proxyfix(app: WebServer) -> None:
    @app.get("/")
    async def view() -> str:
        return f"{request.remote_addr} {request.scheme}"


def proxyfix(app: WebServer) -> None:
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    no_proxyfix(app)


def login(app: WebServer) -> None:
    on_flask.add_login(app)

    @app.get("/")
    async def view() -> str:
        # Not login_required, which would make a sync view of it; the check is the same.
        if not current_user.is_authenticated:
            abort(401)
        return f"Hello {current_user.id}"


def wait(app: WebServer) -> None:
    @app.get("/")
    async def view() -> str:
        await asyncio.sleep(WAIT)
        return TEXT


def mixed(app: WebServer) -> None:
    text(app)
    app.add_url_rule("/slow", view_func=slow)
    app.add_url_rule("/busy", view_func=busy)


WORKLOADS: dict[str, Callable[[Any], None]] = {
    "text": text,
    "json": json,
    "echo": echo,
    "template": template,
    "session": signed_session,
    "hooks": hooks,
    "routes": routes,
    "few_routes": few_routes,
    "stream": stream,
    "upload": upload,
    "cached": cached,
    "compressed": compressed,
    "proxyfix": proxyfix,
    "no_proxyfix": no_proxyfix,
    "login": login,
    "wait": wait,
    "mixed": mixed,
}
