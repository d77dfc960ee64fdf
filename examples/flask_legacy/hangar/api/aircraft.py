"""The aircraft, to read and to base elsewhere."""

from flask import Blueprint, g, jsonify, request
from flask.views import MethodView

from ..aircraft import find_aircraft, matching, update_aircraft
from ..airports import find_airport
from ..db import fetch_all, fetch_value, get_db
from .support import InvalidInput, json_object, page_of, token_required

bp = Blueprint("aircraft", __name__, url_prefix="/aircraft")


class Collection(MethodView):
    init_every_request = False

    def get(self):
        where, parameters = matching(request.args)
        return page_of(
            fetch_value(f"SELECT count(*) FROM aircraft WHERE {where}", *parameters),
            lambda size, offset: fetch_all(
                f"SELECT * FROM aircraft WHERE {where} ORDER BY tail_number LIMIT ? OFFSET ?",
                *parameters,
                size,
                offset,
            ),
        )


class Item(MethodView):
    init_every_request = False

    def get(self, tail):
        return jsonify(find_aircraft(tail))

    @token_required
    def patch(self, tail):
        g.aircraft = find_aircraft(tail)
        data = json_object()
        if set(data) != {"base"}:
            raise InvalidInput({name: "cannot be changed" for name in set(data) - {"base"}})
        base = find_airport(str(data["base"]))["code"] if data["base"] else None
        update_aircraft({"base": base})
        get_db().commit()
        return jsonify(find_aircraft(tail))


bp.add_url_rule("", view_func=Collection.as_view("collection"))
bp.add_url_rule("/<tail:tail>", view_func=Item.as_view("item"))
