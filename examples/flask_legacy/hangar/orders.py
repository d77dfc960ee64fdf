"""The work orders of one aircraft."""

import click
from flask import Blueprint, abort, current_app, flash, g, redirect, render_template, url_for

from . import signals
from .auth import lead_required, login_required
from .db import fetch_all, fetch_one, fetch_value, get_db
from .forms import NoteForm, OrderForm

bp = Blueprint("orders", __name__, url_prefix="/<tail:tail>/orders", cli_group="orders")

SELECT = (
    "SELECT o.*, opener.display_name AS opened_by_name, closer.display_name AS closed_by_name"
    " FROM work_order o JOIN user opener ON opener.id = o.opened_by"
    " LEFT JOIN user closer ON closer.id = o.closed_by"
)


def label(order):
    return f"{order['tail_number']}-{order['number']}"


def orders_of(tail):
    return fetch_all(
        f"{SELECT} WHERE o.tail_number = ? ORDER BY o.status DESC, o.number DESC", tail
    )


def find_order(tail, number):
    order = fetch_one(f"{SELECT} WHERE o.tail_number = ? AND o.number = ?", tail, number)
    if order is None:
        abort(404, f"{tail} has no work order {number}.")
    return order


def open_order(tail, title, category, priority="routine", description="", due_on=None):
    """Open a work order with the next number of its aircraft; return its id."""
    cursor = get_db().execute(
        "INSERT INTO work_order"
        " (tail_number, number, title, category, priority, description, due_on, opened_by)"
        " SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ?, ?, ?"
        " FROM work_order WHERE tail_number = ?",
        (
            tail,
            title,
            category,
            priority,
            description,
            due_on.isoformat() if due_on else None,
            g.user["id"],
            tail,
        ),
    )
    order = fetch_one("SELECT * FROM work_order WHERE id = ?", cursor.lastrowid)
    signals.send(signals.order_opened, label(order), title)
    return order["id"]


def close_order(order):
    cursor = get_db().execute(
        "UPDATE work_order SET status = 'closed', closed_by = ?, closed_at = CURRENT_TIMESTAMP"
        " WHERE id = ? AND status = 'open'",
        (g.user["id"], order["id"]),
    )
    if cursor.rowcount:
        signals.send(signals.order_closed, label(order))
    return bool(cursor.rowcount)


def reopen_order(order):
    get_db().execute(
        "UPDATE work_order SET status = 'open', closed_by = NULL, closed_at = NULL WHERE id = ?",
        (order["id"],),
    )
    signals.send(signals.order_reopened, label(order))


@bp.route("/")
def index():
    return render_template("orders/index.html", orders=orders_of(g.aircraft["tail_number"]))


@bp.route("/new", methods=("GET", "POST"))
@login_required
def create():
    form = OrderForm()
    if form.validate_on_submit():
        order_id = open_order(
            g.aircraft["tail_number"],
            form.title.data,
            form.category.data,
            form.priority.data,
            form.description.data or "",
            form.due_on.data,
        )
        get_db().commit()
        number = fetch_value("SELECT number FROM work_order WHERE id = ?", order_id)
        flash(f"Work order {number} is open.", "success")
        return redirect(url_for(".show", number=number))
    return render_template("orders/form.html", form=form)


@bp.route("/<int:number>")
def show(number):
    order = find_order(g.aircraft["tail_number"], number)
    return render_template(
        "orders/show.html",
        order=order,
        form=NoteForm(),
        notes=fetch_all(
            "SELECT n.*, u.display_name FROM note n JOIN user u ON u.id = n.author_id"
            " WHERE n.order_id = ? ORDER BY n.id",
            order["id"],
        ),
    )


@bp.post("/<int:number>/notes")
@login_required
def add_note(number):
    order = find_order(g.aircraft["tail_number"], number)
    form = NoteForm()
    if form.validate():
        get_db().execute(
            "INSERT INTO note (order_id, author_id, body) VALUES (?, ?, ?)",
            (order["id"], g.user["id"], form.body.data),
        )
        get_db().commit()
    else:
        flash("The note is empty or too long.", "error")
    return redirect(url_for(".show", number=number, _anchor="notes"))


@bp.post("/<int:number>/close")
@login_required
def close(number):
    order = find_order(g.aircraft["tail_number"], number)
    if close_order(order):
        get_db().commit()
        current_app.logger.info("%s closed %s", g.user["username"], label(order))
        flash(f"Work order {number} is closed.", "success")
    else:
        flash(f"Work order {number} was closed already.", "warning")
    return redirect(url_for(".show", number=number))


@bp.post("/<int:number>/reopen")
@lead_required
def reopen(number):
    reopen_order(find_order(g.aircraft["tail_number"], number))
    get_db().commit()
    flash(f"Work order {number} is open again.", "success")
    return redirect(url_for(".show", number=number))


@bp.cli.command("overdue")
def overdue_command():
    """List the open work orders whose day has passed."""
    for order in fetch_all(
        "SELECT * FROM work_order WHERE status = 'open' AND due_on < date('now') ORDER BY due_on"
    ):
        click.echo(f"{label(order)}\t{order['due_on']}\t{order['priority']}\t{order['title']}")
