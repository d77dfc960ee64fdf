"""``aeros-compat parity``: is the application the same on WebServer?"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..failures import CannotRun
from .access_log import read_access_log
from .database import Databases
from .har import read_har
from .parity import Parity
from .replay import Stage
from .report import as_json, as_text
from .request import Request, read_corpus, write_corpus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .swap import Mode

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)

_EPILOG = """\b
Examples:
  aeros-compat parity shop:app
  aeros-compat parity "shop:create_app('test')" --log access.log --sqlite instance/shop.db
  pytest --aeros=flask --aeros-record=corpus.json
  aeros-compat parity shop:app --corpus corpus.json --unsafe --json
"""


@click.command("parity", epilog=_EPILOG, short_help="Compare the answers of Flask and of WebServer.")
@click.argument("target", required=False)
@click.option("--log", "logs", type=_FILE, multiple=True, help="Replay an access log: combined format, or JSON lines.")
@click.option("--har", "hars", type=_FILE, multiple=True, help="Replay a HAR file of a browser.")
@click.option("--corpus", "corpora", type=_FILE, multiple=True, help="Replay what pytest --aeros-record has written.")
@click.option(
    "--routes/--no-routes", default=None, help="Make requests from the URL map.  [default: if no file is given]"
)
@click.option("--unsafe", is_flag=True, help="Replay POST, PUT, PATCH, DELETE too: the application will act on them.")
@click.option(
    "--lane", "lanes", type=click.Choice(["sync", "async"]), multiple=True, help="Only this lane of WebServer."
)
@click.option(
    "--sqlite",
    "databases",
    type=_NEW_FILE,
    multiple=True,
    help="Put this database back before each replay, and compare its rows.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds for one answer.",
)
@click.option("--write-corpus", type=_NEW_FILE, help="Keep the requests in this file.")
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
def parity_command(
    target: str | None,
    logs: Sequence[Path],
    hars: Sequence[Path],
    corpora: Sequence[Path],
    routes: bool | None,
    unsafe: bool,
    lanes: Sequence[Mode],
    databases: Sequence[Path],
    timeout: float,
    write_corpus: Path | None,
    wants_json: bool,
) -> None:
    """Replay requests against TARGET on plain Flask and on WebServer, and show what differs.

    TARGET is what `aeros-compat run` takes. It is loaded in processes of its own: on flask.Flask, twice, to know what
    varies by itself; on WebServer; on WebServer with every view turned into async def. Status, headers, cookies, bodies
    and the hooks that ran are compared, and the rows of SQLite databases that are named.

    Only GET, HEAD and OPTIONS are replayed unless you say --unsafe. The application runs as it does elsewhere: give it
    a configuration in which it can be asked anything. Databases that are not named are neither put back nor compared.

    The exit code is 0 if all is the same, 1 if anything differs, 2 if the application could not be asked.
    """
    corpus = _Corpus(unsafe)
    with tempfile.TemporaryDirectory(prefix="aeros-parity-") as name:
        folder = Path(name)
        kept = _databases(databases, folder)
        stage = Stage(target, folder, kept, timeout)
        try:
            corpus.read(logs, hars, corpora)
            if routes or (routes is None and not (logs or hars or corpora)):
                corpus.add_routes(stage, folder / "routes.json")
            path = corpus.written(write_corpus or folder / "corpus.json")
            parity = Parity(stage, path, corpus.requests, _Progress(len(corpus.requests)))
            result = parity.compare(lanes or ("sync", "async"))
        finally:
            kept.put_back()
    if not databases:
        corpus.notes.append("Databases were not compared: --sqlite names those that are.")
    report = as_json(result, corpus.notes) if wants_json else as_text(result, corpus.notes)
    click.echo(json.dumps(report, indent=1) if wants_json else report)
    sys.exit(0 if result.is_same else 1)


def _databases(paths: Iterable[Path], folder: Path) -> Databases:
    try:
        return Databases([path.absolute() for path in paths], folder)
    except sqlite3.Error as error:
        raise CannotRun(f"What --sqlite names cannot be copied: {error}.") from error


class _Corpus:
    """The requests to be replayed, and what has to be said about them."""

    def __init__(self, unsafe: bool) -> None:
        self._unsafe = unsafe
        self._left_out = 0
        self.requests: list[Request] = []
        self.notes: list[str] = []

    def read(self, logs: Iterable[Path], hars: Iterable[Path], corpora: Iterable[Path]) -> None:
        for log in logs:
            with log.open(errors="replace") as lines:
                requests, strange = read_access_log(lines)
            self._add(requests, str(log))
            if strange:
                self.notes.append(f"{log}: {strange} lines are no requests.")
        for har in hars:
            self._add(read_har(har), str(har))
        for corpus in corpora:
            self._add(read_corpus(corpus), str(corpus))

    def add_routes(self, stage: Stage, path: Path) -> None:
        left_out = stage.requests_of_the_url_map(path)
        self._add(read_corpus(path), "the URL map")
        if left_out:
            self.notes.append(f"No request could be made for {', '.join(left_out)}.")

    def _add(self, requests: Sequence[Request], source: str) -> None:
        chosen = [request for request in requests if self._unsafe or request.is_safe]
        self._left_out += len(requests) - len(chosen)
        self.requests += chosen
        self.notes.append(f"{len(chosen)} requests from {source}.")

    def written(self, path: Path) -> Path:
        """The file with all of them."""
        if self._left_out:
            self.notes.append(f"{self._left_out} requests with unsafe methods were left out: --unsafe replays them.")
        if not self.requests:
            raise click.UsageError("There is nothing to replay. " + " ".join(self.notes))
        write_corpus(path, self.requests)
        return path


@dataclass
class _Progress:
    """One line on stderr for each replay, rewritten while it proceeds if a person is watching."""

    total: int
    _title: str = ""

    def __call__(self, title: str, done: int) -> None:
        if sys.stderr.isatty():
            start = "\r" if title == self._title else "\n" * bool(self._title)
            click.echo(f"{start}{title}: {done} of {self.total} requests", err=True, nl=done >= self.total)
        elif title != self._title:
            click.echo(f"{title}: {self.total} requests", err=True)
        self._title = title
