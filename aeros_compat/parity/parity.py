"""The whole comparison: plain Flask, plain Flask again, and WebServer in both lanes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .comparison import Difference, Reference, measured_headers
from .database import differing_rows, unstable_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .replay import Replay, Stage
    from .request import Request
    from .swap import Mode

TITLES: dict[Mode, str] = {"flask": "Flask", "sync": "WebServer, sync views", "async": "WebServer, async views"}


@dataclass(frozen=True)
class Finding:
    """What one request gave in one lane, where that is not what Flask gives."""

    request: Request
    lane: Mode
    differences: list[Difference]


@dataclass(frozen=True)
class Result:
    """What the comparison has found."""

    requests: Sequence[Request]
    lanes: Sequence[Mode]
    findings: list[Finding]
    #: By request, the parts that plain Flask itself gives otherwise each time.
    unstable: list[tuple[Request, list[str]]]
    #: By lane, tables with the rows that only Flask and only WebServer has written.
    rows: dict[Mode, dict[str, tuple[str, str]]]
    #: Requests that did not come to their end on Flask in time.
    endless: list[Request]
    #: How many requests had each status on Flask.
    statuses: dict[int, int]

    @property
    def is_same(self) -> bool:
        return not self.findings and not any(self.rows.values())


class Parity:
    """A comparison over one corpus.

    :param progress: called with the title of a replay and the number of its requests that are done.
    """

    def __init__(
        self, stage: Stage, corpus: Path, requests: Sequence[Request], progress: Callable[[str, int], None]
    ) -> None:
        self._stage = stage
        self._corpus = corpus
        self._requests = requests
        self._progress = progress
        self._flask: list[Replay] = []

    def compare(self, lanes: Sequence[Mode]) -> Result:
        """Replay in each lane. Plain Flask is asked twice to know what varies, and once more if anything differs."""
        self._replay_flask("Flask")
        self._wait_for_another_second()
        self._replay_flask("Flask again")
        ours = {lane: self._replay(lane, TITLES[lane]) for lane in lanes}
        result = self._result(ours)
        if not result.is_same:
            self._replay_flask("Flask once more")
            result = self._result(ours)
        return result

    def _replay_flask(self, title: str) -> None:
        self._flask.append(self._replay("flask", title))

    def _replay(self, mode: Mode, title: str) -> Replay:
        return self._stage.replay(self._corpus, len(self._requests), mode, lambda done: self._progress(title, done))

    def _wait_for_another_second(self) -> None:
        """Times in whole seconds have to differ between two replays, or they would not be seen to vary."""
        time.sleep(max(0.0, 1.1 - self._flask[0].seconds))

    def _result(self, ours: dict[Mode, Replay]) -> Result:
        runs = zip(*(replay.outcomes for replay in self._flask), strict=True)
        references = [Reference(list(outcomes)) for outcomes in runs]
        pairs = list(zip(self._requests, references, strict=True))
        varying = {request.target for request, reference in pairs if "body" in reference.unstable}
        measured = measured_headers(references)
        findings = []
        for number, (request, reference) in enumerate(pairs):
            of_any_length = request.target in varying
            for lane, replay in ours.items():
                outcome = replay.outcomes[number]
                if differences := reference.differences(outcome, of_any_length=of_any_length, measured=measured):
                    findings.append(Finding(request, lane, differences))
        unstable = [(request, reference.unstable) for request, reference in pairs if reference.unstable]
        endless = [request for request, reference in pairs if not reference.runs[0].is_complete]
        return Result(
            self._requests, list(ours), findings, unstable, self._differing_rows(ours), endless, self._statuses()
        )

    def _differing_rows(self, ours: dict[Mode, Replay]) -> dict[Mode, dict[str, tuple[str, str]]]:
        columns = unstable_columns(replay.tables for replay in self._flask)
        expected = self._flask[0].tables
        return {lane: differing_rows(expected, replay.tables, columns) for lane, replay in ours.items()}

    def _statuses(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for outcome in self._flask[0].outcomes:
            found[outcome.status] = found.get(outcome.status, 0) + 1
        return dict(sorted(found.items()))
