"""The JSON API: open to read inside the house, with a token to write."""

from flask import Blueprint, g, jsonify, request
from werkzeug.exceptions import HTTPException

from ..auth import hash_token
from ..db import fetch_one, fetch_value
from ..errors import as_json
from . import aircraft, airports, orders
from .support import InvalidInput, token_required

bp = Blueprint("api", __name__, url_prefix="/api/v1")

for module in (aircraft, airports, orders):
    bp.register_blueprint(module.bp)

BLUEPRINTS = (bp, aircraft.bp, airports.bp, orders.bp)


@bp.before_request
def load_token_user():
    """Set ``g.user`` from the token: the API does not look at the session."""
    g.user = None
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        g.user = fetch_one("SELECT * FROM user WHERE token_hash = ?", hash_token(token.strip()))


@bp.after_request
def forbid_caching(response):
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.errorhandler(HTTPException)
def handle_http_exception(error):
    return as_json(error)


@bp.errorhandler(InvalidInput)
def handle_invalid_input(error):
    message = "Some fields are missing or wrong."
    return {
        "error": {
            "code": 422,
            "name": "Unprocessable Entity",
            "message": message,
            "fields": error.fields,
        }
    }, 422


@bp.route("/me")
@token_required
def me():
    return {name: g.user[name] for name in ("username", "display_name", "role", "created_at")}


@bp.route("/stats")
def stats():
    return jsonify(
        aircraft=fetch_value("SELECT count(*) FROM aircraft"),
        airports=fetch_value("SELECT count(*) FROM airport"),
        orders={
            "open": fetch_value("SELECT count(*) FROM work_order WHERE status = 'open'"),
            "closed": fetch_value("SELECT count(*) FROM work_order WHERE status = 'closed'"),
        },
    )
