"""One application that uses what Flask offers, in the variants that its configuration allows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask.json.provider import DefaultJSONProvider
from flask.wrappers import Request, Response
from werkzeug.user_agent import UserAgent

from . import errors, hooks, routes
from .answers import answers
from .echo import echo
from .files import files
from .journal import NAME, journal_of, note, note_signals
from .nested import outer
from .state import Session, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

__all__ = ["VARIANTS", "build", "journal_of"]


class _Request(Request):
    max_form_parts = 2
    user_agent_class = type("Agent", (UserAgent,), {"platform": "own"})

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        note(f"request class: {type(e).__name__}")
        return {"not": "JSON"}


class _Response(Response):
    default_mimetype = "text/x-default"
    default_status = 203
    autocorrect_location_header = True


class _Json(DefaultJSONProvider):
    sort_keys = False
    ensure_ascii = False
    mimetype = "application/x-json"


def _custom(app: Flask) -> None:
    app.request_class, app.response_class = _Request, _Response
    app.json = _Json(app)
    app.config.update(SESSION_COOKIE_NAME="own", SESSION_COOKIE_PATH="/state", SESSION_COOKIE_SAMESITE="Lax")
    app.config.update(SESSION_REFRESH_EACH_REQUEST=False, SEND_FILE_MAX_AGE_DEFAULT=60, APPLICATION_ROOT="/root")
    app.url_map.strict_slashes = False


def _limited(app: Flask) -> None:
    app.config.update(MAX_CONTENT_LENGTH=600, MAX_FORM_MEMORY_SIZE=200, MAX_FORM_PARTS=3)
    app.config.update(TRUSTED_HOSTS=["localhost", ".example.org"])


def _debug(app: Flask) -> None:
    app.debug = True


def _named(app: Flask) -> None:
    app.config.update(SERVER_NAME="example.org:8000", PREFERRED_URL_SCHEME="https")
    app.subdomain_matching = True
    app.add_url_rule("/leaf", endpoint="sub_leaf", view_func=lambda name: f"leaf of {name}", subdomain="<name>")


def _setting(**settings: Any) -> Callable[[Flask], None]:
    def apply(app: Flask) -> None:
        app.config.update(settings)

    return apply


VARIANTS: dict[str, Callable[[Flask], None]] = {
    "default": _setting(),
    "custom": _custom,
    "debug": _debug,
    "limited": _limited,
    "named": _named,
    "propagating": _setting(PROPAGATE_EXCEPTIONS=True),
    "trapping": _setting(TRAP_HTTP_EXCEPTIONS=True),
    "trapping bad requests": _setting(TRAP_BAD_REQUEST_ERRORS=True),
    "without sessions": _setting(SECRET_KEY=None),
}


def build(factory: Callable[..., Flask], variant: str = "default", *, signals: bool = True) -> Flask:
    """The application as a ``flask.Flask``, a ``WebServer`` or anything that is made like them."""
    app = factory(NAME, root_path=str(Path(__file__).parent))
    app.config.update(SECRET_KEY="key", PROPAGATE_EXCEPTIONS=False, TITLE="Title")
    app.session_interface = Session()
    VARIANTS[variant](app)
    hooks.install(app)
    errors.install(app)
    routes.install(app)
    for blueprint in (answers, echo, errors.errors, files, outer, state):
        app.register_blueprint(blueprint)
    if signals:
        note_signals(app)
    return app
