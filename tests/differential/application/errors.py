"""Errors, handled by code, by class, by a blueprint, or by nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, jsonify, make_response, request
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError, NotFound, UnprocessableEntity

from .journal import note

if TYPE_CHECKING:
    from flask import Flask

errors = Blueprint("errors", __name__, url_prefix="/errors")


class Refused(Exception):
    """Handled by the application."""


class RefusedTwice(Refused):
    """Handled by its base class's handler."""


class Local(Exception):
    """Handled by the blueprint."""


class Payment(HTTPException):
    """An HTTP exception of the application's own."""

    code = 402
    description = "Pay first."


RAISED: dict[str, Any] = {
    "refused": lambda: Refused("no"),
    "twice": lambda: RefusedTwice("no, no"),
    "local": lambda: Local("here"),
    "payment": Payment,
    "unhandled": lambda: ArithmeticError("unhandled"),
    "lookup": lambda: LookupError("handled by a handler that raises"),
    "key": lambda: KeyError("handled too"),
    "not-found": NotFound,
    "stop-iteration": lambda: StopIteration("stop"),
    "stop-async": lambda: StopAsyncIteration("stop"),
    "runtime": lambda: RuntimeError("runtime"),
    "group": lambda: ExceptionGroup("group", [ValueError("a")]),
    "generator-exit": GeneratorExit,
    "exit": lambda: SystemExit("exit"),
}


def install(app: Flask) -> None:
    """Register the handlers of the application."""

    @app.errorhandler(404)
    def not_found(error: NotFound) -> Any:
        note(f"handler: 404 {error.description!r}")
        return f"not found: {request.path}", 404

    @app.errorhandler(UnprocessableEntity)
    def unprocessable(error: UnprocessableEntity) -> Any:
        note("handler: 422")
        return make_response(jsonify(error=error.description), 422)

    @app.errorhandler(Refused)
    def refused(error: Refused) -> Any:
        note(f"handler: Refused {error}")
        return f"refused: {error}", 403

    @app.errorhandler(LookupError)
    def lookup(error: LookupError) -> Any:
        note("handler: LookupError")
        raise ValueError("from the handler") from error

    @app.errorhandler(500)
    def failed(error: InternalServerError) -> Any:
        note(f"handler: 500 {error.original_exception!r}")
        return f"failed: {error.original_exception!r}", 500


@errors.errorhandler(Local)
def local(error: Local) -> Any:
    note("blueprint handler: Local")
    return "local", 299


@errors.errorhandler(404)
def local_not_found(error: NotFound) -> Any:
    note("blueprint handler: 404")
    return "not found here", 404, {"X-Handler": "blueprint"}


@errors.route("/raise/<name>", methods=["GET", "POST"])
def raising(name: str) -> str:
    raise RAISED[name]()


@errors.route("/abort/<int:code>")
def aborting(code: int) -> str:
    abort(code, request.args.get("why"))


@errors.route("/abort-response")
def abort_response() -> str:
    abort(make_response("as it is", 418, {"X-Abort": "1"}))


@errors.route("/key")
def bad_key() -> Any:
    return request.args["missing"]


@errors.route("/bad")
def bad() -> Any:
    raise BadRequest(response=make_response("own response", 400))


@errors.teardown_request
def leave(error: BaseException | None) -> None:
    note(f"blueprint teardown: {type(error).__name__}")
    if "teardown" in request.args:
        raise ArithmeticError("teardown")
