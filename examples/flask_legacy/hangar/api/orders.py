"""The work orders, to read, to open and to close."""

from flask import Blueprint, abort, g, request, url_for
from flask.views import MethodView

from ..db import fetch_all, fetch_one, fetch_value, get_db
from ..forms import CATEGORIES, PRIORITIES
from ..orders import SELECT, close_order, open_order, reopen_order
from .support import (
    InvalidInput,
    check_choice,
    check_date,
    check_text,
    json_object,
    page_of,
    token_required,
)

bp = Blueprint("orders", __name__, url_prefix="/orders")


def find_order(order_id):
    order = fetch_one(f"{SELECT} WHERE o.id = ?", order_id)
    if order is None:
        abort(404, f"There is no work order with the id {order_id}.")
    return order


def check_order(data):
    """The fields of a new work order, checked."""
    errors = {}
    fields = {
        "tail": str(data.get("tail_number", "")).upper(),
        "title": check_text(data, errors, "title", 120),
        "category": check_choice(data, errors, "category", CATEGORIES),
        "priority": check_choice(data, errors, "priority", PRIORITIES, "routine"),
        "description": check_text(data, errors, "description", 4000, required=False),
        "due_on": check_date(data, errors, "due_on"),
    }
    if not fetch_value("SELECT 1 FROM aircraft WHERE tail_number = ?", fields["tail"]):
        errors["tail_number"] = "has to be an aircraft of the register"
    if errors:
        raise InvalidInput(errors)
    return fields


class Collection(MethodView):
    init_every_request = False

    def get(self):
        status = request.args.get("status", "")
        where = " WHERE ? IN ('', o.status)"
        return page_of(
            fetch_value(f"SELECT count(*) FROM work_order o{where}", status),
            lambda size, offset: fetch_all(
                f"{SELECT}{where} ORDER BY o.id LIMIT ? OFFSET ?", status, size, offset
            ),
        )

    @token_required
    def post(self):
        order_id = open_order(**check_order(json_object()))
        get_db().commit()
        location = url_for(".item", order_id=order_id)
        return dict(find_order(order_id)), 201, {"Location": location}


class Item(MethodView):
    init_every_request = False

    def get(self, order_id):
        notes = fetch_all("SELECT * FROM note WHERE order_id = ? ORDER BY id", order_id)
        return {**find_order(order_id), "notes": notes}

    @token_required
    def patch(self, order_id):
        order = find_order(order_id)
        errors = {}
        status = check_choice(json_object(), errors, "status", ["open", "closed"])
        if errors:
            raise InvalidInput(errors)
        if status == "closed" and not close_order(order):
            abort(409, "The work order is closed already.")
        if status == "open" and order["status"] == "closed":
            reopen_order(order)
        get_db().commit()
        return dict(find_order(order_id))

    @token_required
    def delete(self, order_id):
        if g.user["role"] != "lead":
            abort(403, "Only a lead mechanic may delete a work order.")
        find_order(order_id)
        get_db().execute("DELETE FROM work_order WHERE id = ?", (order_id,))
        get_db().commit()
        return "", 204


bp.add_url_rule("", view_func=Collection.as_view("collection"))
bp.add_url_rule("/<int:order_id>", view_func=Item.as_view("item"))
