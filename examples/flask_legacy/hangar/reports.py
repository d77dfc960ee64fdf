"""Reports: tables, the shift briefing, and exports that are streamed."""

import csv
import io
import time

from flask import (
    Blueprint,
    current_app,
    g,
    render_template,
    request,
    stream_template,
    stream_with_context,
)
from flask.views import View

from . import lookups
from .aircraft import matching
from .airports import find_airport
from .auth import login_required
from .db import fetch_all, fetch_one, get_db

bp = Blueprint("reports", __name__, url_prefix="/reports")

FLEET = """
    SELECT manufacturer AS "Manufacturer", count(*) AS "Aircraft",
      count(DISTINCT model) AS "Models", min(year) AS "Oldest", max(year) AS "Newest",
      round(avg(seats), 1) AS "Seats on average"
    FROM aircraft GROUP BY manufacturer ORDER BY count(*) DESC, manufacturer
"""

AGE = """
    SELECT (year / 5 * 5) || '–' || (year / 5 * 5 + 4) AS "Built", count(*) AS "Aircraft",
      sum(seats) AS "Seats", sum(engines) AS "Engines"
    FROM aircraft WHERE year IS NOT NULL GROUP BY year / 5 ORDER BY year / 5
"""

WORKLOAD = """
    SELECT u.display_name AS "Mechanic",
      count(*) FILTER (WHERE o.status = 'open') AS "Open",
      count(*) FILTER (WHERE o.status = 'closed') AS "Closed",
      count(*) FILTER (WHERE o.status = 'open' AND o.due_on < date('now')) AS "Overdue"
    FROM user u JOIN work_order o ON o.opened_by = u.id
    GROUP BY u.id ORDER BY 2 DESC, 1
"""


class TableReport(View):
    """A page that shows the rows of one query."""

    init_every_request = False

    def __init__(self, title, sql):
        self.title = title
        self.sql = sql

    def dispatch_request(self):
        cursor = get_db().execute(self.sql)
        return render_template(
            "reports/table.html",
            title=self.title,
            columns=[column[0] for column in cursor.description],
            rows=cursor.fetchall(),
        )


def add_table(name, title, sql):
    bp.add_url_rule(f"/{name}", view_func=TableReport.as_view(name, title, sql))


add_table("fleet", "The fleet by manufacturer", FLEET)
add_table("age", "The fleet by year built", AGE)
add_table("workload", "Work orders by mechanic", WORKLOAD)


@bp.route("/")
def index():
    return render_template("reports/index.html", currencies=lookups.CURRENCIES)


@bp.route("/briefing")
def briefing():
    """The shift briefing: asks three outside services, one after the other, and the database."""
    started = time.perf_counter()
    airport = find_airport(request.args.get("airport") or current_app.config["HOME_AIRPORT"])
    currency = request.args.get("currency", "EUR").upper()
    fleet = fleet_summary()
    delay = current_app.config["LOOKUP_DELAY"]

    weather = lookups.weather(airport["code"], delay)
    rate = lookups.exchange_rate(currency, delay)
    parts = lookups.parts_lead_time(fleet["manufacturer"], delay)

    return render_template(
        "reports/briefing.html",
        airport=airport,
        currency=currency,
        weather=weather,
        rate=rate,
        parts=parts,
        fleet=fleet,
        orders=orders_by_priority(),
        elapsed=time.perf_counter() - started,
    )


def fleet_summary():
    return fetch_one(
        "SELECT manufacturer, count(*) AS aircraft, (SELECT count(*) FROM aircraft) AS total,"
        " (SELECT round(avg(strftime('%Y', 'now') - year), 1) FROM aircraft) AS age"
        " FROM aircraft GROUP BY manufacturer ORDER BY count(*) DESC LIMIT 1"
    )


def orders_by_priority():
    return fetch_all(
        "SELECT priority, count(*) AS orders, count(DISTINCT tail_number) AS aircraft,"
        " count(*) FILTER (WHERE due_on < date('now')) AS overdue"
        " FROM work_order WHERE status = 'open' GROUP BY priority ORDER BY orders DESC"
    )


@bp.route("/register")
def register():
    """The whole register on one page for printing, sent while it is rendered."""
    return stream_template("reports/register.html", aircraft=all_aircraft())


# What is streamed comes after the view has returned, when the connection of the view is closed:
# these generators open their own, with the first row, and it is closed with the last one.


def all_aircraft():
    yield from get_db().execute("SELECT * FROM aircraft ORDER BY manufacturer, model, tail_number")


def csv_lines(sql, parameters=()):
    """The rows of a query as lines of CSV, one at a time."""
    cursor = get_db().execute(sql, parameters)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([column[0] for column in cursor.description])
    for row in cursor:
        yield take(buffer)
        writer.writerow(row)
    yield take(buffer)


def take(buffer):
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def attachment(lines, filename):
    headers = {"Content-Disposition": f"attachment; filename={filename}"}
    return current_app.response_class(lines, mimetype="text/csv", headers=headers)


@bp.route("/aircraft.csv")
def export_aircraft():
    where, parameters = matching(request.args)
    lines = csv_lines(f"SELECT * FROM aircraft WHERE {where} ORDER BY tail_number", parameters)
    return attachment(stream_with_context(lines), "aircraft.csv")


@bp.route("/orders.csv")
@login_required
def export_orders():
    @stream_with_context
    def lines():
        yield from csv_lines(
            "SELECT tail_number, number, title, category, priority, status, due_on, opened_at"
            " FROM work_order WHERE ? IN ('', status) ORDER BY tail_number, number",
            (request.args.get("status", ""),),
        )
        current_app.logger.info("%s exported the work orders", g.user["username"])

    return attachment(lines(), "orders.csv")
