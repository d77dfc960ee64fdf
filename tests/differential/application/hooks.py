"""Hooks of the application itself; each notes that it ran and what it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import abort, current_app, g, request
from flask import after_this_request as flask_after_this_request

from .journal import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response


def after_this_request(func: Callable[[Response], Response]) -> None:
    """Flask's, with the function made ``async def`` where the harness does so with hooks."""
    flask_after_this_request(current_app.extensions.get("converted", _same)(func))


def _same(func: Any) -> Any:
    return func


def install(app: Flask) -> None:
    """Register the hooks, two of some kinds, so that their order shows."""

    @app.before_request
    def first() -> None:
        note(f"before: first {request.endpoint}")
        g.first = "first"

    @app.before_request
    def second() -> str | None:
        note(f"before: second {g.first}")
        if "intercept" in request.args:
            return "intercepted"
        if "refuse" in request.args:
            abort(403)
        if "break" in request.args:
            raise ArithmeticError("before")
        return None

    @app.after_request
    def sign(response: Response) -> Response:
        note(f"after: sign {response.status}")
        response.headers.add("X-Signed", g.get("first", "none"))
        return response

    @app.after_request
    def replace(response: Response) -> Response:
        note(f"after: replace {response.status}")
        if request.args.get("after") == "raise":
            raise ArithmeticError("after")
        if request.args.get("after") == "abort":
            abort(409)
        if request.args.get("after") == "none":
            return None  # type: ignore[return-value]
        if request.args.get("after") == "replace":
            return app.make_response(("replaced", 202, {"X-Replaced": "yes"}))
        return response

    @app.teardown_request
    def leave(error: BaseException | None) -> None:
        note(f"teardown request: {type(error).__name__} {request.path} {g.get('first')}")

    @app.teardown_appcontext
    def leave_app(error: BaseException | None) -> None:
        note(f"teardown app: {type(error).__name__} {sorted(g)}")

    @app.context_processor
    def shared() -> dict[str, Any]:
        note("context processor")
        return {"shared": "shared", "word": "overridden by the view"}

    app.add_template_filter(lambda value: value * 2, "double")
