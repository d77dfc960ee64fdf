"""The aircraft register. Work orders and documents hang below each aircraft."""

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.views import MethodView

from . import documents, orders, signals
from .auth import lead_required, login_required
from .db import fetch_all, fetch_one, fetch_value, get_db
from .forms import AircraftForm, NewAircraftForm
from .pagination import Page

bp = Blueprint("aircraft", __name__, url_prefix="/aircraft")
bp.register_blueprint(orders.bp)
bp.register_blueprint(documents.bp)

COLUMNS = ("manufacturer", "model", "type", "year", "engines", "engine", "seats", "speed", "base")


def find_aircraft(tail):
    aircraft = fetch_one("SELECT * FROM aircraft WHERE tail_number = ?", tail)
    if aircraft is None:
        abort(404, f"There is no aircraft {tail} in the register.")
    return aircraft


@bp.url_value_preprocessor
def load_aircraft(endpoint, values):
    """Put the aircraft of the URL into ``g`` so that the views need not look it up."""
    tail = values.pop("tail", None)
    g.aircraft = find_aircraft(tail) if tail else None


@bp.url_defaults
def add_tail(endpoint, values):
    """Stay with the same aircraft in the URLs of its pages."""
    if "tail" in values or not g.get("aircraft"):
        return
    if current_app.url_map.is_endpoint_expecting(endpoint, "tail"):
        values["tail"] = g.aircraft["tail_number"]


def matching(filters):
    """The WHERE clause and its parameters for the filters of the list."""
    conditions, parameters = ["1"], []
    for column in ("manufacturer", "base", "engine"):
        if filters.get(column):
            conditions.append(f"{column} = ?")
            parameters.append(filters[column])
    if filters.get("since", type=int) is not None:
        conditions.append("year >= ?")
        parameters.append(filters.get("since", type=int))
    return " AND ".join(conditions), parameters


def remember_visit(tail):
    recent = [other for other in session.get("recent", []) if other != tail]
    session["recent"] = [tail, *recent][:5]


@bp.route("/")
def index():
    where, parameters = matching(request.args)
    page = Page(fetch_value(f"SELECT count(*) FROM aircraft WHERE {where}", *parameters))
    return render_template(
        "aircraft/index.html",
        page=page,
        aircraft=fetch_all(
            f"SELECT * FROM aircraft WHERE {where} ORDER BY tail_number LIMIT ? OFFSET ?",
            *parameters,
            page.size,
            page.offset,
        ),
        manufacturers=fetch_all("SELECT DISTINCT manufacturer FROM aircraft ORDER BY 1"),
    )


@bp.route("/<tail:tail>")
def show():
    tail = g.aircraft["tail_number"]
    remember_visit(tail)
    return render_template(
        "aircraft/show.html",
        aircraft=g.aircraft,
        orders=orders.orders_of(tail),
        documents=documents.documents_of(tail),
        watched=g.user and is_watched(tail),
    )


@bp.route("/new", methods=("GET", "POST"))
@lead_required
def create():
    form = NewAircraftForm(engines=2)
    if form.validate_on_submit():
        tail = form.tail_number.data
        values = [form[column].data or None for column in COLUMNS]
        get_db().execute(
            f"INSERT INTO aircraft (tail_number, {', '.join(COLUMNS)})"
            f" VALUES (?{', ?' * len(COLUMNS)})",
            (tail, *values),
        )
        signals.send(signals.aircraft_changed, tail, "registered")
        get_db().commit()
        flash(f"{tail} is in the register now.", "success")
        return redirect(url_for(".show", tail=tail))
    return render_template("aircraft/form.html", form=form)


class Edit(MethodView):
    decorators = (lead_required,)

    def get(self):
        return self.render(AircraftForm(data=dict(g.aircraft)))

    def post(self):
        form = AircraftForm()
        if not form.validate():
            return self.render(form)
        update_aircraft({column: form[column].data or None for column in COLUMNS})
        get_db().commit()
        flash("Saved.", "success")
        return redirect(url_for(".show"))

    def render(self, form):
        return render_template("aircraft/form.html", form=form, aircraft=g.aircraft)


bp.add_url_rule("/<tail:tail>/edit", view_func=Edit.as_view("edit"))


def update_aircraft(values):
    """Write the changed columns of ``g.aircraft`` and say which ones they are."""
    changed = {name: value for name, value in values.items() if value != g.aircraft[name]}
    if not changed:
        return
    assignments = ", ".join(f"{column} = ?" for column in changed)
    get_db().execute(
        f"UPDATE aircraft SET {assignments}, updated_at = CURRENT_TIMESTAMP WHERE tail_number = ?",
        (*changed.values(), g.aircraft["tail_number"]),
    )
    signals.send(signals.aircraft_changed, g.aircraft["tail_number"], ", ".join(changed))


def is_watched(tail):
    return fetch_value(
        "SELECT 1 FROM watch WHERE user_id = ? AND tail_number = ?", g.user["id"], tail
    )


@bp.post("/<tail:tail>/watch")
@login_required
def watch():
    """Put the aircraft on the user's watch list, or take it off."""
    row = (g.user["id"], g.aircraft["tail_number"])
    if is_watched(g.aircraft["tail_number"]):
        get_db().execute("DELETE FROM watch WHERE user_id = ? AND tail_number = ?", row)
    else:
        get_db().execute("INSERT OR IGNORE INTO watch (user_id, tail_number) VALUES (?, ?)", row)
    get_db().commit()
    return redirect(url_for(".show"))
