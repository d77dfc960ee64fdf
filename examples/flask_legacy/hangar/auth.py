"""Sign-up, login, the profile, and who may do what."""

import functools
import hashlib
import secrets
import sqlite3

import click
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
from flask.cli import AppGroup
from werkzeug.security import check_password_hash, generate_password_hash

from . import signals
from .db import fetch_all, fetch_one, get_db
from .forms import LoginForm, ProfileForm, RegistrationForm

bp = Blueprint("auth", __name__, url_prefix="/auth")
users = AppGroup("users", help="Manage the users.")


@bp.before_app_request
def load_logged_in_user():
    """Set ``g.user`` from the session; no user makes it None."""
    user_id = session.get("user_id")
    g.user = fetch_one("SELECT * FROM user WHERE id = ?", user_id) if user_id else None


def login_required(view):
    @functools.wraps(view)
    def wrapped_view(*args, **kwargs):
        if g.user is None:
            flash("Log in first, please.", "warning")
            here = request.script_root + request.full_path.rstrip("?")
            return redirect(url_for("auth.login", next=here))
        return view(*args, **kwargs)

    return wrapped_view


def lead_required(view):
    @functools.wraps(view)
    @login_required
    def wrapped_view(*args, **kwargs):
        if g.user["role"] != "lead":
            abort(403, "Only a lead mechanic may do this.")
        return view(*args, **kwargs)

    return wrapped_view


def hash_password(password):
    return generate_password_hash(password, current_app.config["PASSWORD_METHOD"])


def hash_token(token):
    return hashlib.sha256(token.encode()).hexdigest()


def create_user(username, display_name, password, role="mechanic"):
    cursor = get_db().execute(
        "INSERT INTO user (username, display_name, password_hash, role) VALUES (?, ?, ?, ?)",
        (username, display_name, hash_password(password), role),
    )
    signals.send(signals.user_registered, username, role)
    return cursor.lastrowid


def log_in(user, remember=False):
    session.clear()
    session["user_id"] = user["id"]
    session.permanent = remember
    g.user = user
    get_db().execute(
        "UPDATE user SET last_login_at = CURRENT_TIMESTAMP WHERE id = ?", (user["id"],)
    )
    signals.send(signals.user_logged_in, user["username"])


def safe_next(default):
    """The local path in ``?next=``: never one that leads to another site."""
    target = request.args.get("next", "")
    if target.startswith("/") and not target.startswith(("//", "/\\")):
        return target
    return default


@bp.route("/register", methods=("GET", "POST"))
def register():
    form = RegistrationForm()
    if form.validate_on_submit():
        try:
            create_user(form.username.data, form.display_name.data, form.password.data)
        except sqlite3.IntegrityError:
            form.username.errors = ["That user name is taken."]
        else:
            get_db().commit()
            flash("Welcome. You can log in now.", "success")
            return redirect(url_for(".login"))
    return render_template("auth/register.html", form=form)


@bp.route("/login", methods=("GET", "POST"))
def login():
    form = LoginForm()
    if form.validate_on_submit():
        user = fetch_one("SELECT * FROM user WHERE username = ?", form.username.data)
        if user and check_password_hash(user["password_hash"], form.password.data):
            log_in(user, form.remember.data)
            get_db().commit()
            return redirect(safe_next(url_for("pages.index")))
        current_app.logger.warning("Failed login of %r", form.username.data)
        flash("The user name or the password is wrong.", "error")
    return render_template("auth/login.html", form=form)


@bp.post("/logout")
def logout():
    session.clear()
    flash("You are logged out.", "success")
    return redirect(url_for("pages.index"))


@bp.route("/profile", methods=("GET", "POST"))
@login_required
def profile():
    form = ProfileForm(display_name=g.user["display_name"])
    if form.validate_on_submit():
        db = get_db()
        db.execute(
            "UPDATE user SET display_name = ? WHERE id = ?",
            (form.display_name.data, g.user["id"]),
        )
        if form.new_password.data:
            db.execute(
                "UPDATE user SET password_hash = ? WHERE id = ?",
                (hash_password(form.new_password.data), g.user["id"]),
            )
        db.commit()
        flash("Saved.", "success")
        return redirect(url_for(".profile"))
    return render_template("auth/profile.html", form=form)


@bp.post("/token")
@login_required
def token():
    """Make a new token for the API; it is shown once, and the old one ends."""
    new_token = secrets.token_urlsafe(24)
    db = get_db()
    db.execute("UPDATE user SET token_hash = ? WHERE id = ?", (hash_token(new_token), g.user["id"]))
    db.commit()
    flash(f"Your new API token: {new_token}", "token")
    return redirect(url_for(".profile"))


@users.command("add")
@click.argument("username")
@click.option("--name", help="The name to show; the user name by default.")
@click.option("--lead", is_flag=True, help="Make the user a lead mechanic.")
@click.password_option()
def add_user_command(username, name, lead, password):
    """Add a user."""
    try:
        create_user(username, name or username, password, "lead" if lead else "mechanic")
    except sqlite3.IntegrityError:
        raise click.ClickException(f"The user name {username} is taken.") from None
    get_db().commit()
    click.echo(f"Added {username}.")


@users.command("list")
def list_users_command():
    """List the users."""
    for user in fetch_all("SELECT * FROM user ORDER BY username"):
        click.echo(f"{user['username']}\t{user['role']}\t{user['display_name']}")


def init_app(app):
    app.cli.add_command(users)
