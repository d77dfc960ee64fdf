"""The audit log: a subscriber that writes down every signal, and its page."""

from flask import Blueprint, g, has_request_context, render_template, request

from . import signals
from .auth import lead_required
from .db import fetch_all, fetch_value, get_db
from .pagination import Page

bp = Blueprint("audit", __name__, url_prefix="/audit")

ACTIONS = {signal.name: signal for signal in signals.ALL}


def make_subscriber(action):
    def subscriber(sender, subject, detail=""):
        record(action, subject, detail)

    return subscriber


def record(action, subject, detail):
    user = g.get("user")
    get_db().execute(
        "INSERT INTO audit_log (user_id, action, subject, detail, remote_addr)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            user["id"] if user else None,
            action,
            subject,
            detail,
            request.remote_addr if has_request_context() else None,
        ),
    )


@bp.route("/")
@lead_required
def index():
    action = request.args.get("action", "")
    page = Page(fetch_value("SELECT count(*) FROM audit_log WHERE ? IN ('', action)", action))
    entries = fetch_all(
        "SELECT a.*, u.display_name FROM audit_log a LEFT JOIN user u ON u.id = a.user_id"
        " WHERE ? IN ('', a.action) ORDER BY a.id DESC LIMIT ? OFFSET ?",
        action,
        page.size,
        page.offset,
    )
    return render_template(
        "audit/index.html", entries=entries, page=page, actions=ACTIONS, action=action
    )


def init_app(app):
    for action, signal in ACTIONS.items():
        signal.connect(make_subscriber(action), app, weak=False)
