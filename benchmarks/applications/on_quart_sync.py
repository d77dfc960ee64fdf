"""Quart with sync views, which it runs on threads: those workloads whose views need not await anything of Quart's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from quart import Quart, Response, jsonify, request, session

from ..content import CHUNK, CHUNKS, DOCUMENT, MANY_ROWS, TEXT, WAIT
from .on_quart import add_blueprints, compress, quart, trust_proxy
from .quart_hooks import add_hooks

if TYPE_CHECKING:
    from collections.abc import Callable


def application(workload: str) -> Quart:
    app = quart()
    WORKLOADS[workload](app)
    return app


def text(app: Quart) -> None:
    @app.get("/")
    def view() -> str:
        return TEXT


def json(app: Quart) -> None:
    @app.get("/")
    def view() -> Response:
        return jsonify(DOCUMENT)


def signed_session(app: Quart) -> None:
    @app.get("/")
    def view() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return f"{session['visits']} visits"


def blocking(app: Quart) -> None:
    @app.get("/")
    def view() -> str:
        time.sleep(WAIT)
        return TEXT


def hooks(app: Quart) -> None:
    add_hooks(app)
    text(app)


def routes(app: Quart) -> None:
    def show_value(value: int) -> str:
        return str(value)

    add_blueprints(app, show_value)


def stream(app: Quart) -> None:
    @app.get("/")
    def view() -> Response:
        return Response((CHUNK for _ in range(CHUNKS)), mimetype="text/plain")


def compressed(app: Quart) -> None:
    compress(app)

    @app.get("/")
    def view() -> Response:
        return jsonify(MANY_ROWS)


def proxyfix(app: Quart) -> None:
    trust_proxy(app)

    @app.get("/")
    def view() -> str:
        return f"{request.remote_addr} {request.scheme}"


WORKLOADS: dict[str, Callable[[Quart], None]] = {
    "text": text,
    "json": json,
    "session": signed_session,
    "blocking": blocking,
    "hooks": hooks,
    "routes": routes,
    "stream": stream,
    "compressed": compressed,
    "proxyfix": proxyfix,
}
