"""What happens before and after every request."""

import re
import time
import uuid

from flask import current_app, g, request


def begin_request():
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if re.fullmatch(r"[\w-]{1,64}", given) else uuid.uuid4().hex


def add_headers(response):
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    # A request that fails while its URL is looked at never comes to begin_request.
    if "request_id" in g:
        response.headers["X-Request-Id"] = g.request_id
        elapsed = (time.perf_counter() - g.started) * 1000
        response.headers["Server-Timing"] = f"app;dur={elapsed:.1f}"
    return response


def log_failure(error=None):
    if error is not None:
        current_app.logger.warning("The request ended with %s", type(error).__name__)


def init_app(app):
    app.before_request(begin_request)
    app.after_request(add_headers)
    app.teardown_request(log_failure)
