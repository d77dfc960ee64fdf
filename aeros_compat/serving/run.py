"""Serving an application on uvicorn, from Python: what ``WebServer.run`` and the command line do."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack, closing, contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from flask import cli
from flask.helpers import get_debug_flag, get_load_dotenv
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE

from ..debugging.debugger import with_debugger
from ..debugging.reloader import GRACE, run_with_reloader
from ..garbage import collecting_less
from ..logs.server_logs import ServerLogs
from ..upstream import is_importing_main
from .certificates import certificate
from .listening import listening
from .location import location_of
from .patched import refuse_patched_threads
from .server import Server
from .settings import CannotServe, Settings
from .workers import Supervisor, WorkerConfig

logger = logging.getLogger("uvicorn.error")

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from flask import Flask

    from ..types import ASGIApp
    from ..webserver import WebServer
    from .location import Location


def run(
    app: WebServer,
    convert: Callable[[Flask], WebServer],
    host: str | None,
    port: int | None,
    debug: bool | None,
    load_dotenv: bool,
    options: dict[str, Any],
) -> None:
    """What ``WebServer.run`` does: see there. ``convert`` is ``WebServer.from_flask``, for workers."""
    if _is_called_by_import():
        return
    if get_load_dotenv(load_dotenv):
        cli.load_dotenv()
        if "FLASK_DEBUG" in os.environ:
            app.debug = get_debug_flag()
    if debug is not None:
        app.debug = bool(debug)
    with ending_in_a_sentence(), collecting_less():
        settings = Settings.of(app, host, port, options)
        serve(app, settings, lambda: location_of(app, convert))


def _is_called_by_import() -> bool:
    """Whether ``run`` stands unguarded in a module that somebody else imports in order to serve the application."""
    if is_importing_main():  # a worker, or some other process of the application's
        return True
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
        return False
    click.secho(
        " * Ignoring a call to 'app.run()' that would block the current CLI command.\n"
        "   Only call 'app.run()' in an 'if __name__ == \"__main__\"' guard.",
        fg="red",
    )
    return True


@contextmanager
def ending_in_a_sentence() -> Iterator[None]:
    """End the program with the reason on stderr, and exit code 1, if no server can start."""
    try:
        yield
    except CannotServe as error:
        click.echo(f"Error: {error}", err=True)  # not by SystemExit, which says nothing on other threads
        sys.exit(1)


def serve(app: WebServer, settings: Settings, locate: Callable[[], Location]) -> None:
    """Serve ``app`` until it is told to end.

    :param locate: says where other processes find it; asked only if there are to be any.
    :raises CannotServe: if no server can start; nothing has been bound then, or is any more.
    :raises SystemExit: if the application does not start, and after SIGTERM.
    """
    refuse_patched_threads()
    settings.apply_to(app)
    location = locate() if settings.is_supervised else None
    with ExitStack() as stack:
        options = settings.uvicorn | stack.enter_context(certificate(settings))
        config = _config(stack.enter_context(_logging(app, settings)), settings, options)

        def bind() -> socket.socket:
            listener = stack.enter_context(listening(settings))
            _announce(app, settings, listener, config.is_ssl)
            return listener

        if settings.use_reloader:
            _serve_reloading(app, settings, config, bind)
            return
        if location is None:
            has_started = _server(settings, config).run_for(app, bind())
        else:
            figures = None if app.watch is None else stack.enter_context(TemporaryDirectory(prefix="aeros-figures-"))
            has_started = Supervisor(WorkerConfig(location, settings, options, figures), bind()).run_for(app)
    if not has_started:
        sys.exit(STARTUP_FAILURE)  # and the log has said why


@contextmanager
def _logging(app: WebServer, settings: Settings) -> Iterator[ASGIApp]:
    """What is to be served: the application, with its debugger and its access log around it."""
    with closing(ServerLogs(settings.logs)) as logs:
        try:
            logs.open()
            served = logs.add(app, _debugged(app, settings))
        except OSError as error:
            raise CannotServe(f"The log file {error.filename} cannot be opened: {error.strerror}.") from error
        yield served


def _debugged(app: WebServer, settings: Settings) -> ASGIApp:
    if not settings.use_debugger:
        return app
    host = None if settings.uvicorn.get("uds") is not None else settings.host
    return with_debugger(app, host=host, evalex=settings.use_evalex)


def _config(served: ASGIApp, settings: Settings, options: dict[str, Any]) -> Config:
    """uvicorn's configuration, loaded, so that what is wrong with it is known before anything is bound."""
    try:
        config = Config(served, host=settings.host, port=settings.port, workers=1, **options)
        config.load()
    except Exception as error:
        raise CannotServe(f"uvicorn does not take these settings: {type(error).__name__}: {error}") from error
    return config


def _server(settings: Settings, config: Config) -> Server:
    server = Server(config)
    if settings.passthrough_errors:
        config.loaded_app = server.passing_errors(config.loaded_app)
    return server


def _serve_reloading(app: WebServer, settings: Settings, config: Config, bind: Callable[[], socket.socket]) -> None:
    server = _server(settings, config)
    run_with_reloader(
        bind,
        lambda listener: server.run_for(app, listener),
        lambda: server.end(GRACE),
        extra_files=settings.extra_files,
        exclude_patterns=settings.exclude_patterns,
        interval=settings.reloader_interval,
        reloader_type=settings.reloader_type,
    )


def _announce(app: WebServer, settings: Settings, listener: socket.socket, is_ssl: bool) -> None:
    """Say what is served, where, with what, and what to do next."""
    workers = f"{settings.workers} workers with " if settings.workers > 1 else ""
    threads = f"{settings.worker_threads} thread{'s' * (settings.worker_threads > 1)}{' each' * bool(workers)}"
    restart = f" kill -HUP {os.getpid()} restarts the workers one by one." if settings.is_supervised else ""
    for sentence in (
        f"Serving '{app.name}' on {_url(settings, listener, is_ssl)}",
        f"{workers}{threads} for sync views; debug mode: {'on' if settings.debug else 'off'}",
        f"CTRL+C ends it.{restart}",
    ):
        if settings.logs.form == "json":  # nothing but JSON, then
            logger.info(sentence)
        else:
            click.echo(f" * {sentence}")


def _url(settings: Settings, listener: socket.socket, is_ssl: bool) -> str:
    address = listener.getsockname()
    if not isinstance(address, tuple):
        return f"unix:{settings.uvicorn.get('uds') or address}"
    # The name that was asked for, unless the socket is somebody else's.
    host = settings.host if settings.uvicorn.get("fd") is None else address[0]
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if is_ssl else 'http'}://{host}:{address[1]}"
