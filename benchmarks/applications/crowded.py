"""A sync view that waits and an async one beside it; the workload is how many requests may wait for each thread."""

from __future__ import annotations

import time

from flask import request

from aeros_compat import WebServer

from ..content import TEXT


def application(workload: str) -> WebServer:
    app = WebServer("benchmarks", compression=None, waiting_per_thread=int(workload) or None)

    @app.get("/")
    def waiting() -> str:
        time.sleep(request.args.get("seconds", 0.0, float))
        return TEXT

    @app.get("/health")
    async def health() -> str:
        return TEXT

    return app
