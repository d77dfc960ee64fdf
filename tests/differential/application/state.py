"""What a client brings back: sessions, flashes, cookies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, get_flashed_messages, request, session
from flask.sessions import SecureCookieSessionInterface

if TYPE_CHECKING:
    from flask import Flask

state = Blueprint("state", __name__, url_prefix="/state")


class Session(SecureCookieSessionInterface):
    """Flask's own, at a time that stands still."""

    def get_expiration_time(self, app: Flask, session: Any) -> datetime | None:
        return datetime(2038, 1, 19, tzinfo=UTC) if session.permanent else None


@state.route("/set/<name>/<value>")
def put(name: str, value: str) -> Any:
    session[name] = value
    return dict(session)


@state.route("/count")
def count() -> Any:
    session["visits"] = session.get("visits", 0) + 1
    return [session["visits"], session.new, session.modified, session.accessed, session.permanent]


@state.route("/look")
def look() -> Any:
    return [sorted(session.items()), session.new, session.modified]


@state.route("/untouched")
def untouched() -> str:
    return "untouched"


@state.route("/change-inside")
def change_inside() -> Any:
    session.setdefault("list", []).append(len(session["list"]) if "list" in session else 0)
    session.modified = "tell" in request.args
    return session["list"]


@state.route("/keep")
def keep() -> Any:
    session.permanent = True
    session["kept"] = True
    return "kept"


@state.route("/clear")
def clear() -> str:
    session.clear()
    return "cleared"


@state.route("/fail")
def fail() -> str:
    session["failed"] = True
    raise ArithmeticError("after the session was changed")


@state.route("/flash/<text>")
def flashing(text: str) -> str:
    flash(text)
    flash(f"{text} again", "error")
    return "flashed"


@state.route("/flashes")
def flashes() -> Any:
    messages = get_flashed_messages(with_categories=True, category_filter=request.args.getlist("only"))
    return [messages, get_flashed_messages()]


@state.route("/cookies")
def cookies() -> Any:
    return [list(request.cookies.items(multi=True)), request.cookies.get("a"), sorted(session)]
