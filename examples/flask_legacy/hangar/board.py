"""The board: the work orders of all the aircraft."""

from flask import Blueprint, render_template, request

from .db import fetch_all, fetch_value
from .orders import SELECT
from .pagination import Page

bp = Blueprint("board", __name__, url_prefix="/board")

ORDER = (
    " ORDER BY CASE o.priority WHEN 'grounded' THEN 0 WHEN 'urgent' THEN 1 ELSE 2 END,"
    " o.due_on IS NULL, o.due_on, o.id"
)


@bp.route("/")
@bp.route("/<any(open, closed):status>")
def index(status="open"):
    category = request.args.get("category", "")
    where = " WHERE o.status = ? AND ? IN ('', o.category)"
    page = Page(fetch_value(f"SELECT count(*) FROM work_order o{where}", status, category))
    return render_template(
        "orders/board.html",
        page=page,
        status=status,
        orders=fetch_all(
            f"{SELECT}{where}{ORDER} LIMIT ? OFFSET ?", status, category, page.size, page.offset
        ),
    )
