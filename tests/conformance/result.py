"""What a suite gave in one lane: plain Flask beside WebServer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .suite import Suite
    from .swap.order import Answer, Lane


@dataclass(frozen=True)
class Result:
    """Two runs of the same tests."""

    suite: Suite
    lane: Lane
    version: str
    flask: Answer
    webserver: Answer

    @property
    def newly_failing(self) -> list[str]:
        """Tests that pass on plain Flask and not on WebServer: failed, skipped, or not even collected."""
        return sorted(self.flask.named("passed") - self.webserver.named("passed"))

    @property
    def newly_passing(self) -> list[str]:
        """Tests that pass on WebServer and fail on plain Flask."""
        return sorted(self.flask.named("failed") & self.webserver.named("passed"))

    @property
    def not_applicable(self) -> int:
        return sum(self.webserver.excluded.values())

    @property
    def unused_exclusions(self) -> list[str]:
        """Entries of the list of tests that cannot apply which name no test."""
        return [entry for entry, count in self.webserver.excluded.items() if count == 0]

    @property
    def time_ratio(self) -> float:
        """The time of the run on WebServer, in times of that on plain Flask."""
        return self.webserver.seconds / self.flask.seconds

    @property
    def requests(self) -> tuple[int, int, int]:
        """Requests that went through the ASGI application, through the sync lane, and through the async lane."""
        counts = self.webserver.requests
        return counts["asgi"], counts["sync"], counts["async"]

    @property
    def is_good(self) -> bool:
        """Whether nothing newly fails, and requests really went through the ASGI application."""
        return not self.newly_failing and not self.unused_exclusions and not self.is_idle

    @property
    def is_idle(self) -> bool:
        """Whether no request went through the ASGI application, though the suite makes some."""
        return self.suite.makes_requests and self.requests[0] == 0
