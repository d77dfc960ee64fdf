"""What the command tells the plugin, and what the plugin answers: two JSON files, named by environment variables."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

#: flask.Flask as it is; WebServer in its place; WebServer where the source itself names it.
Target = Literal["flask", "webserver", "swapped"]
#: Whose application class the suite is about.
Framework = Literal["flask", "quart"]
Lane = Literal["sync", "async", "async-hooks"]

ORDER = "CONFORMANCE_ORDER"


@dataclass
class Order:
    """What one run of a suite is: on which class, in which lane, without which tests, with the answer where."""

    target: Target
    lane: Lane
    answer: str
    framework: Framework = "flask"
    #: Files, or node ids without parameters.
    excluded: list[str] = field(default_factory=list)
    #: Modules whose name ``Flask`` is to be flask.Flask again once everything is imported.
    agents: list[str] = field(default_factory=list)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls) -> Order:
        return cls(**json.loads(Path(os.environ[ORDER]).read_text()))


@dataclass
class Answer:
    """What one run of a suite gave."""

    #: Outcome by node id: passed, failed or skipped.
    outcomes: dict[str, str] = field(default_factory=dict)
    #: How many tests each entry of ``Order.excluded`` took out.
    excluded: dict[str, int] = field(default_factory=dict)
    #: Calls of the ASGI application, of the sync lane, of the async lane.
    requests: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def write(self, path: str) -> None:
        Path(path).write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> Answer:
        return cls(**json.loads(path.read_text()))

    def named(self, outcome: str) -> set[str]:
        return {name for name, found in self.outcomes.items() if found == outcome}
