"""Serving an application on uvicorn, from Python."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click
from flask import cli
from flask.helpers import get_debug_flag, get_load_dotenv
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from werkzeug.serving import is_running_from_reloader

from ..debugging.debugger import with_debugger
from ..debugging.reloader import GRACE, run_with_reloader
from .server import Server

if TYPE_CHECKING:
    from ..webserver import WebServer

#: Options of ``Flask.run`` that say how Werkzeug's development server works.
_WERKZEUG_OPTIONS = frozenset(
    {
        "exclude_patterns",
        "extra_files",
        "processes",
        "reloader_interval",
        "reloader_type",
        "threaded",
        "use_debugger",
        "use_evalex",
        "use_reloader",
    }
)


def serve(
    app: WebServer, host: str | None, port: int | None, debug: bool | None, load_dotenv: bool, options: dict[str, Any]
) -> None:
    """What ``WebServer.run`` does. See there for the arguments."""
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        click.secho(
            " * Ignoring a call to 'app.run()' that would block the current 'flask' CLI command.\n"
            "   Only call 'app.run()' in an 'if __name__ == \"__main__\"' guard.",
            fg="red",
        )
        return
    if get_load_dotenv(load_dotenv):
        cli.load_dotenv()
        if "FLASK_DEBUG" in os.environ:
            app.debug = get_debug_flag()
    if debug is not None:
        app.debug = bool(debug)
    host, port = address_of(app, host, port)
    if not is_running_from_reloader():
        click.echo(
            f" * Serving '{app.name}' on http://{host}:{port} (debug {'on' if app.debug else 'off'}). CTRL+C ends it."
        )
    settings: dict[str, Any] = {
        # A client must not be able to say where it comes from: trusting a proxy is the user's decision.
        "proxy_headers": False,
        # https://github.com/python/cpython/issues/140947: the second fence, the first is in the lanes.
        "reset_contextvars": True,
        "log_level": "info",
        # uvicorn would send its own next to the application's.
        "server_header": app.include_server_header and "server" not in map(str.lower, app.global_headers),
        # Without a limit one stalled client would keep the server from ever ending. Gunicorn's default.
        "timeout_graceful_shutdown": 30,
    }
    settings |= {name: value for name, value in options.items() if name not in _WERKZEUG_OPTIONS}
    asgi_app: Any = app
    if options.get("use_debugger", app.debug):
        asgi_app = with_debugger(app, host=host, evalex=options.get("use_evalex", True))
    server = Server(Config(asgi_app, host=host, port=port, **settings))
    if options.get("use_reloader", app.debug):
        _reload(app, server, options)
    elif not server.run_for(app):
        sys.exit(STARTUP_FAILURE)  # and the log has said why


def _reload(app: WebServer, server: Server, options: dict[str, Any]) -> None:
    run_with_reloader(
        server.config.bind_socket,
        lambda listener: server.run_for(app, [listener]),
        lambda: server.end(GRACE),
        extra_files=options.get("extra_files"),
        exclude_patterns=options.get("exclude_patterns"),
        interval=options.get("reloader_interval", 1),
        reloader_type=options.get("reloader_type", "auto"),
    )


def address_of(app: WebServer, host: str | None, port: int | None) -> tuple[str, int]:
    """Where to listen: the arguments, the constructor's, ``SERVER_NAME``, then Flask's defaults."""
    named_host, _, named_port = (app.config.get("SERVER_NAME") or "").partition(":")
    if port is None:
        port = app.port
    return (
        host or app.host or named_host or "127.0.0.1",
        int(port) if port is not None else int(named_port or 5000),
    )
