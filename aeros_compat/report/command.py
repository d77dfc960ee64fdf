"""``aeros-compat report``: which views to convert first."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..doctor.application import application_from
from ..failures import CannotRun, ending_in_a_sentence, reason_of
from .codes import codes_of
from .pages import page_of
from .ranking import Ranking, ranked
from .sources import usages_from
from .text import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..doctor.application import Application


@click.command("report", short_help="Rank views by what converting them to async would free.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--app", "target", help="The application (module:app): its views are read for calls that wait.")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="Sent to a URL: a cookie, say.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON in place of text.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write a page into this file as well.")
def report_command(
    sources: tuple[str, ...], target: str | None, headers: tuple[str, ...], as_json: bool, html: str | None
) -> None:
    """Rank the views by what converting them to 'async def' would free.

    A SOURCE is the JSON of a running server's watch (aeros-compat run --watch, then /_aeros/lanes.json), a file of it,
    an access log with a JSON object a line (--log-format json), or - for stdin. Several are added up: one for each
    worker, say.

    A sync view holds a worker thread for as long as it lasts; an async view holds none while it waits. With --app, the
    application is imported, and each view is named with its blocking calls (see 'aeros-compat doctor'), and with the
    command that converts it.

    \b
    Examples:
      aeros-compat report http://127.0.0.1:5000/_aeros/lanes.json
      aeros-compat report --app shop:app --html report.html access.log
      curl -s https://shop.example/_aeros/lanes.json -H "$LOGIN" | aeros-compat report --json -
    """
    # What the application prints when it is imported is not part of the report.
    with ending_in_a_sentence(), redirect_stdout(sys.stderr):
        application = application_from(target) if target is not None else None
        ranking = _ranking(sources, application, _parsed(headers))
    if html is not None:
        _write(Path(html), page_of(ranking, target or ", ".join(sources)))
    click.echo(json.dumps(ranking.as_dict(), indent=1) if as_json else text_of(ranking))


def _ranking(sources: Iterable[str], application: Application | None, headers: dict[str, str]) -> Ranking:
    usages = [usage for source in sources for usage in usages_from(source, headers)]
    return ranked(usages, None if application is None else codes_of(application))


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise CannotRun(f"{path} cannot be written: {reason_of(error)}.") from error


def _parsed(headers: Iterable[str]) -> dict[str, str]:
    found = {}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon:
            raise click.BadParameter(f"{header!r} has no colon: write NAME:VALUE.", param_hint="--header")
        found[name.strip()] = value.strip()
    return found
