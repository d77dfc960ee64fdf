"""The command line ``aeros-compat``: serves any Flask application that can be named.

Options that say how the server works are uvicorn's own, taken from its command; here are those that differ.
"""

from __future__ import annotations

import copy
import os
from typing import Any, cast

import click
import uvicorn
from click.core import ParameterSource
from flask import cli
from flask.helpers import get_load_dotenv

from .commands import LazyGroup
from .garbage import collecting_less
from .logs.options import FORMS
from .logs.tracebacks import EXTENTS
from .serving.loading import load
from .serving.location import location_from
from .serving.run import ending_in_a_sentence, serve
from .serving.settings import UVICORN_OPTIONS, Settings
from .webserver import WebServer


@click.group(
    cls=LazyGroup,
    elsewhere={
        "asyncify": "aeros_compat.migrate.commands:asyncify",
        "doctor": "aeros_compat.doctor.command:doctor_command",
        "parity": "aeros_compat.parity.command:parity_command",
        "report": "aeros_compat.report.command:report_command",
        "swap": "aeros_compat.migrate.commands:swap",
    },
)
@click.version_option(package_name="aeros_compat")
def main() -> None:
    """Flask applications, served asynchronously."""


class _RunCommand(click.Command):
    """A command whose help tells its own options from those that are uvicorn's."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
        own = [option for option in options if option.name not in _UVICORNS]
        others = [option for option in options if option.name in _UVICORNS]
        for title, members in (("Options", own), ("Options of uvicorn", others)):
            with formatter.section(title):
                formatter.write_dl([record for option in members if (record := option.get_help_record(ctx))])


def _load_env_files(ctx: click.Context, param: click.Parameter, path: str | None) -> None:
    """Before any other option is looked at, because the files may name them (``FLASK_RUN_PORT``)."""
    defaults = get_load_dotenv(True)
    if path is not None or defaults:
        cli.load_dotenv(path, load_defaults=defaults)


def _uvicorn_options() -> dict[str, click.Parameter]:
    """The options of uvicorn's command that ``run`` hands on as they are."""
    names = UVICORN_OPTIONS - {"env_file", "uds"}
    return {option.name: option for option in uvicorn.main.params if option.name in names}


_UVICORNS = _uvicorn_options()


def _flasks(name: str) -> click.Option:
    """An option of ``flask run`` as Flask has it: what it takes, how it is checked, its variable of the environment."""
    (found,) = (option for option in cli.run_command.params if option.name == name)
    option = copy.copy(cast("click.Option", found))
    option.envvar = f"FLASK_RUN_{name.upper()}"
    return option


@main.command(
    "run", cls=_RunCommand, short_help="Serve an application.", context_settings={"auto_envvar_prefix": "UVICORN"}
)
@click.argument("target", required=False, envvar="FLASK_APP")
@click.option("--env-file", "-e", type=click.Path(exists=True, dir_okay=False), is_eager=True, expose_value=False,
              callback=_load_env_files, help="Environment variables, before those of .env and .flaskenv.")  # fmt: skip
@click.option("--host", "-h", envvar="FLASK_RUN_HOST", help="Where to listen.  [default: 127.0.0.1]")
@click.option("--port", "-p", envvar="FLASK_RUN_PORT", help="The port, or 0 for a free one.  [default: 5000]")
@click.option("--uds", help="Listen on a Unix socket instead.")
@click.option("--workers", "-w", type=int, envvar="WEB_CONCURRENCY", help="Worker processes.  [default: 1]")
@click.option("--threads", type=int, help="Threads for sync views, in each worker.  [default: the application's]")
@click.option("--debug/--no-debug", default=None, help="Debug mode, with reloader and debugger.")
@click.option("--reload/--no-reload", default=None, help="Restart when code changes.  [default: in debug mode]")
@click.option("--debugger/--no-debugger", default=None, help="Debug in the browser.  [default: in debug mode]")
@click.option("--watch", is_flag=True, default=None,
              help="Count requests by route and lane; this machine sees them at /_aeros/lanes.")  # fmt: skip
@click.option("--log-format", type=click.Choice(FORMS), help="Lines of text, or of JSON.  [default: text]")
@click.option("--default-log-file", help="A file for what server and application log, next to stderr.")
@click.option("--access-log-file", help="A file for the access log, next to stdout.")
@click.option("--traceback", type=click.Choice(EXTENTS),
              help="From your code on, all of it, or the exception alone.  [default: short]")  # fmt: skip
@click.pass_context
def run_command(ctx: click.Context, /, target: str | None, debug: bool | None, **given: Any) -> None:
    """Serve the application that TARGET names: a WebServer, or any flask.Flask, which is turned into one.

    TARGET is module:app, a factory (module:create_app, or a call of it with arguments), or a file in place of the
    module (path/to/file.py:app). Without a name it is the one that flask run would take; without TARGET, the one in
    wsgi.py or app.py.

    \b
    Examples:
      aeros-compat run --debug shop:app
      aeros-compat run --host 0.0.0.0 --port 8000 --workers 4 "shop:create_app('production')"
      aeros-compat run --watch --log-format json --access-log-file access.log shop:app
    """
    if debug is not None:
        os.environ["FLASK_DEBUG"] = "1" if debug else "0"  # before the application is made, which asks for it
    with ending_in_a_sentence(), collecting_less():
        location = location_from(target, WebServer.from_flask)
        app = load(location)
        if debug is not None:
            app.debug = debug
        settings = Settings.of(app, given.pop("host"), given.pop("port"), _options(ctx, given))
        serve(app, settings, lambda: location)


run_command.params.extend([_flasks("cert"), _flasks("key"), *_UVICORNS.values()])


def _options(ctx: click.Context, given: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, under the names that ``WebServer.run`` knows."""
    own = {
        "uds": given.pop("uds"),
        "workers": given.pop("workers"),
        "worker_threads": given.pop("threads"),
        "use_reloader": given.pop("reload"),
        "use_debugger": given.pop("debugger"),
        "watch": given.pop("watch"),
        **{name: given.pop(name) for name in ("log_format", "default_log_file", "access_log_file", "traceback")},
        "ssl_context": given.pop("cert"),
    }
    options = {name: value for name, value in own.items() if value is not None}
    # Uvicorn's defaults stay uvicorn's, where they are not changed by Settings.
    options |= {name: given[name] for name in given if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT}
    if "headers" in options:
        options["headers"] = [tuple(header.split(":", 1)) for header in options["headers"]]
    return options
