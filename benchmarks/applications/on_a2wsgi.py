"""Flask through a2wsgi, for ASGI servers."""

from __future__ import annotations

from typing import Any, cast

from a2wsgi import WSGIMiddleware

from ..content import THREADS
from . import on_flask


def application(workload: str) -> Any:
    # What is mounted is measured bare here: it is what our mounts are compared with.
    wsgi_app = on_flask.legacy if workload == "mounted" else on_flask.application(workload)
    return WSGIMiddleware(cast("Any", wsgi_app), workers=THREADS)
