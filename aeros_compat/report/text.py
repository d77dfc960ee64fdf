"""A report for a terminal."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from .units import counted, percent, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .ranking import Candidate, Ranking

#: Views that are shown; the JSON has all.
SHOWN = 20

#: Characters of the longest bar.
_WIDTH = 24


def text_of(ranking: Ranking) -> str:
    """The whole report, with ANSI colours; ``click.echo`` takes them off where there is no terminal."""
    return "\n".join([headline(ranking), "", *_rows(ranking), *_rest(ranking), *_next(ranking)])


def headline(ranking: Ranking) -> str:
    """The finding, in a sentence or two."""
    if not ranking.candidates:
        return "No view has held a thread: there is nothing that converting would free."
    views = "view holds" if ranking.most == 1 else f"{ranking.most} views hold"
    return (
        f"{counted(ranking.requests, 'request')} held threads for {seconds(ranking.held)} and waited"
        f" {seconds(ranking.waited)} for one. The first {views} four fifths of that time."
    )


def _rows(ranking: Ranking) -> Iterator[str]:
    longest = max((candidate.share for candidate in ranking.candidates), default=1)
    for number, candidate in enumerate(ranking.candidates[:SHOWN], 1):
        usage = candidate.usage
        if candidate.code is not None and candidate.code.view:
            yield f"     {candidate.code.view}"
        bar = "█" * max(1, round(_WIDTH * candidate.share / longest))
        yield f"{number:3}. {click.style(usage.name, bold=True)}  [{usage.lane}]"
        yield f"     {click.style(bar, fg='blue')} {percent(candidate.share)}"
        yield (
            f"     {seconds(usage.held)} of threads, {counted(usage.requests, 'request')}, each"
            f" {seconds(usage.held / max(usage.requests, 1))}; waited {seconds(usage.waited)} for a thread"
        )
        yield from (f"     {line}" for line in advice(candidate))
        yield ""
    if len(ranking.candidates) > SHOWN:
        yield f"     and {len(ranking.candidates) - SHOWN} more: see --json"


def advice(candidate: Candidate) -> list[str]:
    """What was found in the view, a line each."""
    if candidate.usage.reason:
        return [f"It is async already: {candidate.usage.reason} keeps it on a thread."]
    if candidate.code is None:
        return []
    if not candidate.code.waits:
        return ["No waiting was found in its code: it may compute, or wait in a library. Measure before converting."]
    return [f"{wait.text} ({wait.place}): {wait.instead}" for wait in candidate.code.waits]


def _rest(ranking: Ranking) -> Iterator[str]:
    idle = [usage for usage in ranking.rest if usage.requests]
    if idle:
        yield f"{counted(len(idle), 'route')} with requests held no thread: async, or mounted."


def _next(ranking: Ranking) -> Iterator[str]:
    if ranking.convertible:
        yield ""
        yield "To see what converting the first of them would change:"
        yield f"  {command(ranking)}"


def command(ranking: Ranking) -> str:
    """The command that converts what waits most."""
    return shlex.join(["aeros-compat", "asyncify", "--follow", *ranking.convertible])
