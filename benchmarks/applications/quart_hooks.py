"""The hooks of the Flask application in Quart's names."""

from __future__ import annotations

import time

from quart import Quart, Response, g, request


def add_hooks(app: Quart) -> None:
    @app.before_request
    def note_start() -> None:
        g.start = time.perf_counter()

    @app.before_request
    def note_language() -> None:
        g.language = request.headers.get("Accept-Language", "en")

    @app.before_request
    def note_user() -> None:
        g.user = None

    @app.after_request
    def forbid_frames(response: Response) -> Response:
        response.headers["X-Frame-Options"] = "DENY"
        return response

    @app.after_request
    def measure(response: Response) -> Response:
        response.headers["Server-Timing"] = f"app;dur={1000 * (time.perf_counter() - g.start):.1f}"
        return response

    @app.teardown_request
    def forget(error: BaseException | None) -> None:
        g.pop("user", None)
