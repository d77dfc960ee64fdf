"""The airports that the desk serves."""

import math

from flask import Blueprint, abort, render_template, request

from .db import fetch_all, fetch_one, get_db

bp = Blueprint("airports", __name__, url_prefix="/airports")


def find_airport(code):
    airport = fetch_one("SELECT * FROM airport WHERE code = ?", code.upper())
    if airport is None:
        abort(404, f"There is no airport {code.upper()}.")
    return airport


def distance(latitude, longitude, other_latitude, other_longitude):
    """The great-circle distance in nautical miles."""
    a, b = math.radians(latitude), math.radians(other_latitude)
    turn = math.radians(other_longitude - longitude)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(turn / 2) ** 2
    return 2 * 3440.065 * math.asin(math.sqrt(half))


def nearest(airport, count=5):
    get_db().create_function("distance", 4, distance, deterministic=True)
    return fetch_all(
        "SELECT *, distance(?, ?, latitude, longitude) AS distance FROM airport"
        " WHERE code != ? ORDER BY distance LIMIT ?",
        airport["latitude"],
        airport["longitude"],
        airport["code"],
        count,
    )


@bp.route("/")
def index():
    state = request.args.get("state", "").upper()
    return render_template(
        "airports/index.html",
        state=state,
        states=fetch_all("SELECT state, count(*) AS airports FROM airport GROUP BY state"),
        airports=fetch_all(
            "SELECT p.*, count(a.tail_number) AS aircraft FROM airport p"
            " LEFT JOIN aircraft a ON a.base = p.code"
            " WHERE ? IN ('', p.state) GROUP BY p.code ORDER BY p.state, p.name",
            state,
        ),
    )


@bp.route("/<string(minlength=3, maxlength=4):code>")
def show(code):
    airport = find_airport(code)
    return render_template(
        "airports/show.html",
        airport=airport,
        nearby=nearest(airport),
        aircraft=fetch_all(
            "SELECT * FROM aircraft WHERE base = ? ORDER BY tail_number", airport["code"]
        ),
    )
