"""``aeros-compat doctor``: what moving an application will meet, without running it."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import click

from ..failures import ending_in_a_sentence
from .application import application_from
from .diagnosis import diagnose
from .finding import is_at_least
from .text import text_of

if TYPE_CHECKING:
    from .finding import Severity

#: The exit code if there are findings of the severity that was asked for.
FOUND = 3


@click.command("doctor", short_help="Say what is in the way of serving an application asynchronously.")
@click.argument("target", required=False, envvar="FLASK_APP")
@click.option("--json", "as_json", is_flag=True, help="Write JSON in place of text.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    help=f"Exit with code {FOUND} if something as bad as this is found.",
)
def doctor_command(target: str | None, as_json: bool, fail_on: Severity | None) -> None:
    """Look at the application that TARGET names, and say what is in the way of serving it asynchronously.

    TARGET is what 'aeros-compat run' takes: module:app, module:create_app, or path/to/file.py:app. The application may
    be a plain flask.Flask. It is imported (and made, by a factory); nothing else of it is called or served.

    Reported are routes with their lanes and what keeps an async view on a thread, middleware, hooks, sessions and
    extensions; and findings: calls that block the event loop (followed through the functions that async views and hooks
    call), thread-locals, guards that do not stand before websockets, settings that mean something else, and more.

    \b
    Exit codes:
      0  reported
      2  wrong usage, or the application could not be loaded
      3  findings as bad as --fail-on

    \b
    Examples:
      aeros-compat doctor shop:app
      aeros-compat doctor "shop:create_app('production')"
      aeros-compat doctor --json shop.py | jq '.findings[].rule'
      aeros-compat doctor --fail-on error shop:app
    """
    # What the application prints when it is imported is not part of the report.
    with ending_in_a_sentence(), redirect_stdout(sys.stderr):
        diagnosis = diagnose(application_from(target))
    click.echo(json.dumps(diagnosis.as_dict(), indent=1) if as_json else text_of(diagnosis))
    if fail_on is not None and any(is_at_least(finding.severity, fail_on) for finding in diagnosis.findings):
        sys.exit(FOUND)
