"""What a rule finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .source import Place

Severity = Literal["error", "warning", "info"]

#: The worst first.
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """One thing to know about an application."""

    #: The id of the rule, such as ``blocking-call``.
    rule: str
    #: ``error``: requests will fail, wait for each other or see each other's data. ``warning``: something is lost that
    #: was hoped for. ``info``: to know.
    severity: Severity
    #: What it means, in a sentence.
    message: str
    #: What to do.
    advice: str
    place: Place | None = None
    #: The views and hooks that are concerned; where a call is reached through others, with these: ``view > helper``.
    concerns: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def is_at_least(severity: Severity, level: Severity) -> bool:
    """Whether ``severity`` is as bad as ``level`` or worse."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(level)
