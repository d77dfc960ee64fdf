"""Sync views that do little, compute, or wait, and an async one beside them, in one application."""

from __future__ import annotations

import time

from flask import render_template

from aeros_compat import WebServer

from ..content import ROWS, TEMPLATES, TEXT, WAIT


def application(_workload: str) -> WebServer:
    app = WebServer("benchmarks", template_folder=str(TEMPLATES), compression=None)

    @app.get("/")
    @app.get("/text")
    def text() -> str:
        return TEXT

    @app.get("/template")
    def template() -> str:
        return render_template("rows.html", title="Rows", rows=ROWS)

    @app.get("/blocking")
    def blocking() -> str:
        time.sleep(WAIT)
        return TEXT

    @app.get("/async")
    async def awaited() -> str:
        return TEXT

    return app
