"""One application: swapped, its own tests in the three modes, and the replay of what they have asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aeros_compat.parity.request import read_corpus, write_corpus

from ..conformance import cache
from ..conformance.command import CommandError
from ..conformance.suite_run import run_suite
from .asyncified import Asyncified, asyncified
from .copies import swapped
from .stage import stage

if TYPE_CHECKING:
    from pathlib import Path

    from ..conformance.swap.order import Answer
    from .application import Application

#: Requests of a suite that are replayed, at most.
REQUESTS = 600

#: Exit codes of ``aeros-compat parity``: the same, different.
_RESULTS = (0, 1)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What one application gave."""

    application: Application
    #: Lines that ``aeros-compat swap`` has written.
    lines: int
    flask: Answer
    sync: Answer
    asynchronous: Answer
    #: The JSON of ``aeros-compat parity``; None if nothing was to be replayed.
    parity: dict[str, Any] | None
    asyncified: Asyncified | None

    def newly_failing(self, answer: Answer) -> list[str]:
        return sorted(self.flask.named("passed") - answer.named("passed"))

    def different(self, lane: str) -> int:
        """Requests that gave something else than on Flask."""
        findings = self.parity["findings"] if self.parity else []
        return sum(finding["lane"] == lane for finding in findings)

    @property
    def is_good(self) -> bool:
        newly = self.newly_failing(self.sync) + self.newly_failing(self.asynchronous)
        turned = not (self.asyncified and self.asyncified.newly_failing)
        return not newly and turned and (self.parity is None or bool(self.parity["same"]))


def run(application: Application, progress: Progress, is_quick: bool = False) -> Result:
    """Swap, run the tests on Flask and on WebServer in both lanes, replay their requests, and turn the views.

    :param is_quick: whether the tests are all: nothing is replayed, no view turned.
    :raises CommandError: if something came to no result.
    """
    home = cache.folder("applications", application.suite.key)
    recorded = home / "recorded.json"
    recording = ("-p", "pytest_aeros", f"--aeros-record={recorded}")
    progress("swap")
    copy = swapped(application, home)
    suite = application.suite
    progress("tests on Flask")
    recorder = replace(suite, options=(*suite.options, *recording))
    flask = run_suite(recorder, "flask", "sync", (), lambda state: None)
    progress("tests in the sync lane")
    sync = run_suite(suite, "swapped", "sync", (), lambda state: None, copy.folder)
    if not sync.requests["asgi"]:
        raise CommandError("No request went through the ASGI application: aeros-compat swap has missed it.")
    progress("tests in the async lane")
    asynchronous = run_suite(suite, "swapped", "async", (), lambda state: None, copy.folder)
    if is_quick:
        return Result(application, copy.lines, flask, sync, asynchronous, None, None)
    progress("replay")
    parity = replayed(application, home, recorded)
    turned = asyncified(application, home, copy.folder, flask, progress) if application.asyncify else None
    return Result(application, copy.lines, flask, sync, asynchronous, parity, turned)


def replayed(application: Application, home: Path, recorded: Path) -> dict[str, Any]:
    """The report of ``aeros-compat parity`` over the recorded requests and the URL map.

    :raises CommandError: if there is none.
    """
    corpus = home / "corpus.json"
    write_corpus(corpus, read_corpus(recorded)[:REQUESTS] if recorded.exists() else [])
    with stage(application, home) as place:
        databases = [word for file in application.databases for word in ("--sqlite", str(place.folder / file))]
        words = ("--json", "--unsafe", "--routes", "--corpus", str(corpus), *databases)
        printed = place.run("parity", application.target, *words, results=_RESULTS)
    (home / "parity.json").write_bytes(printed)
    report: dict[str, Any] = json.loads(printed)
    return report
