"""Replaying a corpus in processes of their own, and gathering what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..failures import CannotRun
from .outcome import Outcome
from .player import LEFT_OUT, Order

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .database import Databases, Tables
    from .swap import Mode


class CannotReplay(CannotRun):
    """The application could not be loaded or asked."""


@dataclass(frozen=True)
class Replay:
    """What came of a corpus in one mode."""

    outcomes: list[Outcome]
    tables: Tables
    seconds: float


class Stage:
    """Where an application is replayed.

    :param target: the application, as ``aeros-compat run`` takes it.
    :param folder: for the files of orders, outcomes and logs.
    :param timeout: seconds for one answer.
    """

    def __init__(self, target: str | None, folder: Path, databases: Databases, timeout: float) -> None:
        self._target = target
        self._folder = folder
        self._databases = databases
        self._timeout = timeout
        self._number = 0

    def requests_of_the_url_map(self, corpus: Path) -> list[str]:
        """Write a corpus made from the URL map, and return the rules for which no request could be made."""
        self._run(Order(self._target, "flask", str(corpus)), lambda: None)
        return corpus.with_suffix(LEFT_OUT).read_text().splitlines()

    def replay(self, corpus: Path, count: int, mode: Mode, progress: Callable[[int], None]) -> Replay:
        """Replay a corpus of ``count`` requests in a fresh process, with the databases as they were at first.

        :raises CannotReplay: if the application fails before it can be asked.
        """
        self._databases.put_back()
        self._number += 1
        path = self._folder / f"{self._number}-{mode}.jsonl"
        path.touch()
        started = time.monotonic()
        order = Order(self._target, mode, str(corpus), str(path), timeout=self._timeout)
        done = 0
        while done < count:
            # More than one process, if a request has not come to its end: it would be in the way of the others.
            self._run(replace(order, start=done), lambda: progress(_lines_in(path)))
            before, done = done, _lines_in(path)
            if done == before:
                raise CannotReplay(f"The application in mode {mode} ended without an answer.\n{self._log()}")
        seconds = time.monotonic() - started
        outcomes = [Outcome.from_json(json.loads(line)) for line in path.read_text().splitlines()]
        return Replay(outcomes, self._databases.tables(), seconds)

    def _run(self, order: Order, watch: Callable[[], None]) -> None:
        """Let a process do what ``order`` says. ``watch`` is called meanwhile."""
        path = self._folder / "order.json"
        order.write(path)
        command = [sys.executable, "-m", "aeros_compat.parity.player", str(path)]
        # Sets of strings have the same order in every process.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        with (self._folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - this interpreter
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            try:
                while not _has_ended(process):
                    watch()
            finally:
                process.kill()
                process.wait()
        if process.returncode:
            raise CannotReplay(f"The application in mode {order.mode} could not be asked:\n{self._log()}")

    def _log(self) -> str:
        return (self._folder / "log.txt").read_text(errors="replace")[-3000:].strip()


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(0.2)
    except subprocess.TimeoutExpired:
        return False
    return True


def _lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n")
