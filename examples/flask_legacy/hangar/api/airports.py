"""The airports, to read."""

from flask import Blueprint

from ..airports import find_airport, nearest
from ..db import fetch_all, fetch_value
from .support import page_of

bp = Blueprint("airports", __name__, url_prefix="/airports")


@bp.route("")
def collection():
    return page_of(
        fetch_value("SELECT count(*) FROM airport"),
        lambda size, offset: fetch_all(
            "SELECT * FROM airport ORDER BY code LIMIT ? OFFSET ?", size, offset
        ),
    )


@bp.route("/<string(minlength=3, maxlength=4):code>")
def item(code):
    airport = find_airport(code)
    nearby = [{"code": other["code"], "distance": other["distance"]} for other in nearest(airport)]
    return {**airport, "nearby": nearby}
