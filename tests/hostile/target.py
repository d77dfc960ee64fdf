"""The application under attack, for plain Flask and for WebServer: every way in which input reaches a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from aeros_compat import WebServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..conftest import Lane

SECRET = "the secret file"


def files_in(folder: Path) -> Path:
    """A folder with files to serve, and a secret beside it."""
    served = folder / "served"
    (served / "deep").mkdir(parents=True)
    (served / "page.txt").write_text("0123456789" * 20)
    (served / "deep" / "page.txt").write_text("deep")
    (folder / "secret.txt").write_text(SECRET)
    (folder / "served-secret.txt").write_text(SECRET)
    return served


def build(factory: Callable[..., Flask], lane: Lane, folder: Path) -> Flask:
    """The application; what is mounted at ``/legacy`` is a Flask application of its own."""
    app = factory("tests.hostile.target", static_folder=folder, static_url_path="/static")
    app.secret_key = "only for tests"
    app.config.update(MAX_CONTENT_LENGTH=200_000, MAX_FORM_PARTS=50)
    for rule, view in VIEWS.items():
        app.add_url_rule(rule, view_func=lane(view), endpoint=view.__name__, methods=["GET", "POST", "PUT"])
    app.add_url_rule("/files/<path:name>", view_func=lane(lambda name: sent(folder, name)), endpoint="files")
    legacy = Flask("tests.hostile.target", static_folder=folder, static_url_path="/static")
    legacy.add_url_rule("/<path:path>", view_func=any_path, endpoint="path")
    if isinstance(app, WebServer):
        app.mount("/legacy", legacy)
    else:
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/legacy": legacy})  # type: ignore[method-assign]
    return app


def sent(folder: Path, name: str) -> flask.Response:
    return flask.send_from_directory(folder, name)


def body() -> Any:
    return str(len(flask.request.get_data()))


def form() -> Any:
    request = flask.request
    return {
        "form": request.form.to_dict(flat=False),
        "files": [(file.name, file.filename, file.content_type, len(file.read())) for file in request.files.values()],
    }


def document() -> Any:
    return flask.jsonify(flask.request.get_json())


def query() -> Any:
    return flask.request.args.to_dict(flat=False)


def cookies() -> Any:
    flask.session["seen"] = flask.session.get("seen", 0) + 1
    return flask.request.cookies.to_dict(flat=False)


def parsed() -> Any:
    """What Werkzeug makes of headers, most of which clients may leave in pieces."""
    request = flask.request
    values = (request.accept_mimetypes, request.accept_languages, request.range, request.if_range, request.if_match)
    more = (request.authorization, request.cache_control, request.user_agent, request.date, request.content_length)
    return ascii([str(value) for value in (*values, *more, request.referrer, request.mimetype_params)])


def address() -> Any:
    request = flask.request
    return ascii([request.url, request.base_url, request.host, request.root_path, request.remote_addr, request.scheme])


def stream() -> Any:
    return (piece for piece in [b"first", b"second"])


def any_path(path: str) -> Any:
    return ascii(path)


VIEWS: dict[str, Callable[..., Any]] = {
    "/body": body,
    "/form": form,
    "/document": document,
    "/query": query,
    "/cookies": cookies,
    "/parsed": parsed,
    "/address": address,
    "/stream": stream,
    "/any/<path:path>": any_path,
}
