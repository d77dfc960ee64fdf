"""One run of one suite: on one class, in one lane."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import cache, environment, sdist
from .command import CommandError
from .swap.order import ORDER, Answer, Order

if TYPE_CHECKING:
    from pathlib import Path

    from .suite import Suite
    from .swap.order import Lane, Target

#: Seconds for one test, and for a whole run.
TEST_LIMIT = 60
RUN_LIMIT = 1200

#: pytest's exit codes for "all passed" and "some failed".
_RESULTS = (0, 1)

_PERCENT = re.compile(r"\[ *(\d+)%\]$")

Progress = Callable[[str], None]


def run_suite(
    suite: Suite,
    target: Target,
    lane: Lane,
    overrides: tuple[str, ...],
    progress: Progress,
    source: Path | None = None,
) -> Answer:
    """Run a suite with pytest in its own environment.

    :param progress: called with the part that is done, such as ``"42%"``.
    :param source: the sdist as it is to be run, if it was changed; then its packages are imported from there.
    :raises CommandError: if pytest came to no result.
    """
    home = _home(suite, target, lane, overrides)
    answer = home / "answer.json"
    answer.unlink(missing_ok=True)
    order = Order(target, lane, str(answer), suite.framework, list(suite.excluded), list(suite.agents))
    order.write(home / "order.json")
    progress("preparing")
    python = environment.python(suite, overrides)
    folder = (source or sdist.unpacked(suite.project, suite.version_with(overrides))) / suite.folder
    variables = environment.variables(python, source) | {ORDER: str(home / "order.json")} | suite.variables
    log = home / "log.txt"
    code = _run_pytest(_command(python, suite, home), folder, variables, log, progress)
    if code not in _RESULTS or not answer.exists():
        raise CommandError(f"pytest came to no result (exit code {code}); its output is in {log}.")
    return Answer.read(answer)


def _home(suite: Suite, target: Target, lane: Lane, overrides: tuple[str, ...]) -> Path:
    """The folder of a run's order, answer and log. A trial of other versions has one of its own."""
    return cache.folder("runs", "+".join((suite.key, *overrides)), f"{lane}-{target}")


def _command(python: Path, suite: Suite, home: Path) -> list[str]:
    own = ("-p", "aeros_conformance.plugin", "--continue-on-collection-errors", "--rootdir", ".")
    settings = ("-o", "addopts=", "-o", "console_output_style=progress", "-o", f"cache_dir={home / 'pytest_cache'}")
    limits = ("--timeout", str(TEST_LIMIT), "--basetemp", str(home / "tmp"))
    pytest = (str(python), "-m", "pytest", "-q", "--tb=short", "-ra")
    return [*pytest, *own, *settings, *limits, *suite.options, *suite.tests]


def _run_pytest(command: list[str], cwd: Path, env: dict[str, str], log: Path, progress: Progress) -> int:
    with log.open("w") as out, _start(command, cwd, env) as process:
        timer = threading.Timer(RUN_LIMIT, _end, (process,))
        timer.daemon = True
        timer.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                out.write(line)
                done = _PERCENT.search(line.rstrip())
                if done:
                    progress(f"{done[1]}%")
            return process.wait(timeout=10)
        finally:
            timer.cancel()
            _end(process)


def _start(command: list[str], cwd: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def _end(process: subprocess.Popen[str]) -> None:
    """End the run and whatever servers its tests have started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
