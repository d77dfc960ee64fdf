"""This project's sync lane: the Flask application with another class, and our own cache, compression and mounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, jsonify

from aeros_compat import Gzip, SimpleCache, WebServer

from ..content import DOCUMENT, GZIP_LEVEL, SECRET_KEY
from . import on_flask

if TYPE_CHECKING:
    from collections.abc import Callable


def application(workload: str) -> WebServer:
    app = webserver(workload)
    WORKLOADS[workload](app)
    return app


def webserver(workload: str) -> WebServer:
    """Without compression where the peers have none."""
    app = WebServer(
        "benchmarks",
        **on_flask.FOLDERS,
        compression=Gzip(level=GZIP_LEVEL) if workload == "compressed" else None,
        cache=SimpleCache(timeout=300, threshold=100) if workload == "cached" else None,
    )
    app.secret_key = SECRET_KEY
    return app


def cached(app: WebServer) -> None:
    @app.get("/")
    @app.cache(timeout=300)
    def view() -> Response:
        return jsonify(DOCUMENT)


def mounted(app: WebServer) -> None:
    app.mount("/mounted", on_flask.legacy)


WORKLOADS: dict[str, Callable[[Any], None]] = {
    **on_flask.WORKLOADS,
    "cached": cached,
    "compressed": on_flask.many_rows,
    "mounted": mounted,
}
