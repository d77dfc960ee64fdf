"""Filters, tests, globals and variables of the templates."""

from datetime import date
from urllib.parse import urlencode

from flask import g, request

from .db import fetch_value

KILOMETRES = {"mi": 1.609344, "nm": 1.852}
UNITS = ("imperial", "metric")


def current_units():
    units = request.cookies.get("units")
    return units if units in UNITS else "imperial"


def format_time(moment, pattern="%d %b %Y, %H:%M UTC"):
    return moment.strftime(pattern) if moment else "never"


def format_speed(mph):
    if mph is None:
        return "unknown"
    if current_units() == "metric":
        return f"{mph * KILOMETRES['mi']:.0f} km/h"
    return f"{mph} mph"


def format_distance(nautical_miles):
    if current_units() == "metric":
        return f"{nautical_miles * KILOMETRES['nm']:.0f} km"
    return f"{nautical_miles:.0f} nm"


def plural(count, noun):
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def is_overdue(order):
    return order["status"] == "open" and order["due_on"] and order["due_on"] < date.today()


def page_url(number):
    """The URL of the current page with another page number."""
    return "?" + urlencode({**request.args.to_dict(), "page": number})


def open_order_count():
    return fetch_value("SELECT count(*) FROM work_order WHERE status = 'open'")


def layout_variables():
    return {"units": current_units(), "is_lead": is_lead(), "open_order_count": open_order_count}


def is_lead():
    user = g.get("user")
    return bool(user and user["role"] == "lead")


def init_app(app):
    app.add_template_filter(format_time, "time")
    app.add_template_filter(format_speed, "speed")
    app.add_template_filter(format_distance, "distance")
    app.add_template_filter(plural)
    app.add_template_test(is_overdue, "overdue")
    app.add_template_global(page_url)
    app.context_processor(layout_variables)
