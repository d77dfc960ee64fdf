"""A report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader

from .text import command, found_in, headline, instead_of
from .units import counted, percent, seconds

if TYPE_CHECKING:
    from .ranking import Ranking

_FILES = Path(__file__).parent / "page"
_templates = Environment(loader=FileSystemLoader(_FILES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
_templates.filters.update(seconds=seconds, percent=percent)
_templates.globals.update(command=command, counted=counted, found_in=found_in, instead_of=instead_of)


def page_of(ranking: Ranking, title: str) -> str:
    """The page.

    :param title: what the report is about: the application, or where the numbers are from.
    """
    # Bars are drawn to the scale of the longest: the time that threads were held, and behind it the wait for one.
    longest = max((candidate.usage.held + candidate.usage.waited for candidate in ranking.candidates), default=1.0)
    page = _templates.get_template("report.html")
    return page.render(
        ranking=ranking,
        title=title,
        headline=headline(ranking),
        longest=longest,
        used=[usage for usage in ranking.rest if usage.requests],
        looked_at=any(candidate.code is not None for candidate in ranking.candidates),
    )
