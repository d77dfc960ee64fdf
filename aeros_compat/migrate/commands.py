"""``aeros-compat swap`` and ``aeros-compat asyncify``: diffs by default, files with ``--write``."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..failures import CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .asyncify import Report
    from .source import Source

_OPTIONS = (
    click.option("--write", is_flag=True, help="Change the files."),
    click.option("--check", is_flag=True, help="Change nothing; exit with 1 if something would change."),
)


def _with_options(command: Any) -> Any:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _part(name: str) -> Any:
    """A module of this folder: they need libcst, which is not needed to serve, and may not be there."""
    if importlib.util.find_spec("libcst") is None:
        raise CannotRun("This needs libcst, which is not installed: pip install 'aeros_compat[migrate]'")
    return importlib.import_module(f"{__package__}.{name}")


@click.command(
    "swap",
    short_help="Replace flask.Flask by WebServer in files.",
    epilog="""\b
    Examples:
      aeros-compat swap .
      aeros-compat swap --write shop/__init__.py""",
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@_with_options
@click.pass_context
def swap(ctx: click.Context, paths: tuple[Path, ...], write: bool, check: bool) -> None:
    """Replace flask.Flask by WebServer in PATHS: files, or folders with all their Python files.

    What calls or subclasses Flask is replaced, under whatever name it was imported. Annotations and isinstance() keep
    Flask, because a WebServer is one. Without --write or --check, shows what would change.
    """
    source = _part("source")
    part = _part("swap")
    changed = []
    for path in dict.fromkeys(file for given in paths for file in part.files_to_swap(given)):
        try:
            file = source.Source(path)
        except source.CannotMigrate as error:
            if path in paths:
                raise
            click.echo(f"Left alone: {error.message}", err=True)  # one among many others
            continue
        swapped = part.Swap(file)
        changed.append((file, swapped.result))
        for line, note in swapped.notes:
            click.echo(f"{path}:{line}: {note}", err=True)
    if not _finish(ctx, changed, write, check):
        click.echo("There is nothing to swap: nothing here calls or subclasses flask.Flask.", err=True)


@click.command(
    "asyncify",
    short_help="Turn chosen views into async def.",
    epilog="""\b
    Examples:
      aeros-compat asyncify shop/views.py::checkout
      aeros-compat asyncify --follow --write shop/api.py::Items::get
      aeros-compat asyncify --skip requests shop/views.py::rates""",
)
@click.argument("views", nargs=-1, required=True)
@_with_options
@click.option("--follow", is_flag=True, help="Convert helpers too, if nothing sync calls them.")
@click.option("--only", multiple=True, metavar="RULE", help="Use this rule only. May be given several times.")
@click.option("--skip", multiple=True, metavar="RULE", help="Leave this rule out. May be given several times.")
@click.pass_context
def asyncify(
    ctx: click.Context,
    views: tuple[str, ...],
    write: bool,
    check: bool,
    follow: bool,
    only: tuple[str, ...],
    skip: tuple[str, ...],
) -> None:
    """Turn VIEWS into async def: path::view, path::Class::method, or path::Class.

    What waits in them is awaited where a counterpart is known to be equal; all else runs where it ran, on the
    request's thread. A view for which that cannot be proven stays as it is. The reasons are told line by line.

    \b
    Rules:
      sleep       time.sleep → asyncio.sleep
      requests    requests.get(…) and its kin → httpx.AsyncClient
      redis       with redis.Redis(…) → redis.asyncio.Redis
      futures     ThreadPoolExecutor.submit(f, …) of a followed f → asyncio.create_task(f(…))
      subprocess  subprocess.run, check_output, check_call → anyio.run_process
      bridge      async_to_sync(f)(…), asyncio.run(f(…)) → await f(…)
      thread      calls without a counterpart, or of which nothing is known → sync_to_async
      block       with statements and loops that must stay together → a function on the thread
    """
    rules = _part("catalogue").selected(only, skip)
    outcome = _part("asyncify").asyncify(views, rules, follow)
    for report in outcome.reports:
        _tell(report)
    if outcome.packages:
        click.echo(f"Add to the requirements: {', '.join(sorted(outcome.packages))}", err=True)
    _finish(ctx, outcome.changed, write, check)


def _tell(report: Report) -> None:
    """Say what became of a view, and of its lines."""
    click.echo(f"{report.name}: {report.verdict}", err=True)
    for finding in report.findings:
        click.echo(f"  {finding.line:>4}  {finding.rule}: {finding.text}", err=True)


def _finish(ctx: click.Context, changed: Iterable[tuple[Source, bytes]], write: bool, check: bool) -> bool:
    """Write, show or name what would change. Gives whether there is anything."""
    if write and check:
        raise click.UsageError("--write changes files and --check changes none: give one of them.")
    found = [(source, content) for source, content in changed if content != source.content]
    for source, content in found:
        if write:
            source.write(content)
            click.echo(f"{source.path}: written", err=True)
        elif check:
            click.echo(f"{source.path}: would change", err=True)
        else:
            click.echo(source.diff(content), nl=False)
    if check and found:
        ctx.exit(1)
    return bool(found)
