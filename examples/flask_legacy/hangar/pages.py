"""The start page, the search, and what belongs to no other part."""

from flask import (
    Blueprint,
    abort,
    after_this_request,
    current_app,
    g,
    redirect,
    render_template,
    request,
    url_for,
)

from .db import fetch_all, fetch_one, fetch_value

bp = Blueprint("pages", __name__)


@bp.route("/")
def index():
    counts = fetch_one(
        "SELECT (SELECT count(*) FROM aircraft) AS aircraft,"
        " (SELECT count(*) FROM airport) AS airports,"
        " (SELECT count(*) FROM work_order WHERE status = 'open') AS open_orders,"
        " (SELECT count(*) FROM document) AS documents"
    )
    watched = []
    if g.user:
        watched = fetch_all(
            "SELECT a.*, (SELECT count(*) FROM work_order o"
            "   WHERE o.tail_number = a.tail_number AND o.status = 'open') AS open_orders"
            " FROM watch w JOIN aircraft a USING (tail_number)"
            " WHERE w.user_id = ? ORDER BY a.tail_number",
            g.user["id"],
        )
    return render_template("pages/index.html", counts=counts, watched=watched)


@bp.route("/search")
def search():
    query = request.args.get("q", "").strip()
    if not query:
        return render_template("pages/search.html", query="", aircraft=[], airports=[], orders=[])

    exact = fetch_value("SELECT tail_number FROM aircraft WHERE tail_number = ?", query.upper())
    if exact:
        return redirect(url_for("aircraft.show", tail=exact))

    pattern = f"%{query}%"
    return render_template(
        "pages/search.html",
        query=query,
        aircraft=fetch_all(
            "SELECT * FROM aircraft WHERE tail_number LIKE ? OR model LIKE ?"
            " ORDER BY tail_number LIMIT 20",
            pattern,
            pattern,
        ),
        airports=fetch_all(
            "SELECT * FROM airport WHERE code = ? OR name LIKE ? OR city LIKE ?"
            " ORDER BY code LIMIT 20",
            query.upper(),
            pattern,
            pattern,
        ),
        orders=fetch_all(
            "SELECT * FROM work_order WHERE title LIKE ? ORDER BY id DESC LIMIT 20", pattern
        ),
    )


@bp.route("/about")
def about():
    return render_template("pages/about.html")


@bp.post("/units/<any(imperial, metric):units>")
def units(units):
    """Remember in a cookie which units to show."""

    @after_this_request
    def remember(response):
        response.set_cookie("units", units, max_age=365 * 24 * 3600, samesite="Lax")
        return response

    return redirect(url_for(".index"), 303)


@bp.route("/healthz")
def health():
    """For the load balancer: whether the database answers."""
    if fetch_value("SELECT 1") != 1:
        abort(503)
    return f"ok {current_app.name}\n", {"Content-Type": "text/plain", "Cache-Control": "no-store"}
