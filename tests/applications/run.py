"""One application: its own tests in the three modes, then the replay of what they have asked for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aeros_compat.parity.request import read_corpus, write_corpus

from ..conformance import cache, environment
from ..conformance.command import CommandError
from ..conformance.suite_run import run_suite

if TYPE_CHECKING:
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
    flask: Answer
    sync: Answer
    asynchronous: Answer
    #: The JSON of ``aeros-compat parity``; None if nothing could be replayed.
    parity: dict[str, Any] | None

    def newly_failing(self, answer: Answer) -> list[str]:
        return sorted(self.flask.named("passed") - answer.named("passed"))

    def different(self, lane: str) -> int:
        """Requests that gave something else than on Flask."""
        findings = self.parity["findings"] if self.parity else []
        return sum(finding["lane"] == lane for finding in findings)

    @property
    def is_good(self) -> bool:
        newly = self.newly_failing(self.sync) + self.newly_failing(self.asynchronous)
        return not newly and self.parity is not None and bool(self.parity["same"])


def run(application: Application, progress: Progress) -> Result:
    """Run the tests on Flask, with their requests recorded, and on WebServer in both lanes; then replay.

    :raises CommandError: if something came to no result.
    """
    home = cache.folder("applications", application.suite.key)
    recorded = home / "recorded.json"
    recording = ("-p", "pytest_aeros", f"--aeros-record={recorded}")
    suite = replace(application.suite, options=(*application.suite.options, *recording))
    progress("tests on Flask")
    flask = run_suite(suite, "flask", "sync", (), lambda state: None)
    progress("tests in the sync lane")
    sync = run_suite(application.suite, "webserver", "sync", (), lambda state: None)
    progress("tests in the async lane")
    asynchronous = run_suite(application.suite, "webserver", "async", (), lambda state: None)
    progress("replay")
    return Result(application, flask, sync, asynchronous, replayed(application, home, recorded))


def replayed(application: Application, home: Path, recorded: Path) -> dict[str, Any]:
    """The report of ``aeros-compat parity`` over the recorded requests and the URL map.

    :raises CommandError: if there is none.
    """
    corpus = home / "corpus.json"
    write_corpus(corpus, read_corpus(recorded)[:REQUESTS] if recorded.exists() else [])
    with tempfile.TemporaryDirectory(dir=home) as name:
        folder = Path(name)
        _write_files(application, folder)
        python = environment.python(application.suite)
        options = [option for file in application.databases for option in ("--sqlite", str(folder / file))]
        command = [str(python), "-m", "aeros_compat", "parity", application.target, "--json", "--unsafe", "--routes"]
        log = home / "parity.log"
        with log.open("w") as errors:
            done = subprocess.run(
                [*command, "--corpus", str(corpus), *options],
                cwd=folder,
                env=_variables(application, folder, python),
                stdout=subprocess.PIPE,
                stderr=errors,
                check=False,
            )
    if done.returncode not in _RESULTS:
        raise CommandError(f"The replay came to no result: {log.read_text()[-2000:]}")
    (home / "parity.json").write_bytes(done.stdout)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _write_files(application: Application, folder: Path) -> None:
    # Nothing but this package: what the runs of the tests import at their start would want their orders.
    source = folder / "path" / "aeros_compat"
    shutil.copytree(cache.ROOT / "aeros_compat", source, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in application.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{folder}", str(folder)))


def _variables(application: Application, folder: Path, python: Path) -> dict[str, str]:
    own = {name: value.replace("{folder}", str(folder)) for name, value in application.variables.items()}
    paths = os.pathsep.join((str(folder / "path"), str(folder)))
    return environment.variables(python) | {"PYTHONPATH": paths} | own
