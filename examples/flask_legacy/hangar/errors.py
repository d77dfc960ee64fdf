"""Error pages, and their JSON twins for what lies under /api/."""

from flask import current_app, render_template, request
from werkzeug.exceptions import HTTPException

from .lookups import LookupFailed

OWN_PAGES = {404, 413}


def wants_json():
    return request.path.startswith("/api/")


def as_json(error):
    """Turn an HTTP error into JSON; its headers (Allow, Retry-After) stay."""
    response = error.get_response()
    response.data = current_app.json.dumps(
        {"error": {"code": error.code, "name": error.name, "message": error.description}}
    )
    response.content_type = "application/json"
    return response


def handle_http_exception(error):
    if wants_json():
        return as_json(error)
    response = error.get_response()
    name = f"errors/{error.code}.html" if error.code in OWN_PAGES else "errors/error.html"
    response.data = render_template(name, error=error)
    response.content_type = "text/html; charset=utf-8"
    return response


def handle_server_error(error):
    if wants_json():
        return as_json(error)
    # This page stands on its own: whatever broke may break the usual layout too.
    return render_template("errors/500.html"), 500


def handle_lookup_failed(error):
    current_app.logger.warning("Lookup failed: %s", error)
    return render_template("errors/503.html", error=error), 503, {"Retry-After": "60"}


def init_app(app):
    app.register_error_handler(HTTPException, handle_http_exception)
    app.register_error_handler(500, handle_server_error)
    app.register_error_handler(LookupFailed, handle_lookup_failed)
