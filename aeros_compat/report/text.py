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
        bar = "█" * max(1, round(_WIDTH * candidate.share / longest))
        view = candidate.code.view if candidate.code is not None else ""
        yield f"{number:3}. {click.style(usage.name, bold=True)}  [{usage.lane}]  {view}".rstrip()
        yield f"     {click.style(bar, fg='blue')} {percent(candidate.share)}"
        yield (
            f"     {seconds(usage.held)} of threads, {counted(usage.requests, 'request')}, each"
            f" {seconds(usage.held / max(usage.requests, 1))}; waited {seconds(usage.waited)} for a thread"
        )
        yield from (f"     {line}" for line in found_in(candidate))
        yield ""
    if len(ranking.candidates) > SHOWN:
        yield f"     and {len(ranking.candidates) - SHOWN} more: see --json"


def found_in(candidate: Candidate) -> list[str]:
    """What was found in the view, a line for each kind of waiting."""
    if candidate.usage.reason:
        return [f"It is async already: {candidate.usage.reason} keeps it on a thread."]
    if candidate.code is None:
        return []
    if not candidate.code.waits:
        return ["No waiting was found in its code: it may compute, or wait in a library. Measure before converting."]
    kinds: dict[str, list[str]] = {}
    for wait in candidate.code.waits:
        kinds.setdefault(wait.kind, []).append(f"{wait.text} ({wait.place})")
    return [f"{kind}: {', '.join(calls)}" for kind, calls in kinds.items()]


def instead_of(ranking: Ranking) -> dict[str, str]:
    """What to write in async code, by the kind of waiting."""
    codes = [candidate.code for candidate in ranking.candidates if candidate.code is not None]
    return {wait.kind: wait.instead for code in codes for wait in code.waits}


def _rest(ranking: Ranking) -> Iterator[str]:
    idle = [usage for usage in ranking.rest if usage.requests]
    if idle:
        yield f"{counted(len(idle), 'route')} with requests held no thread: async, or mounted."


def _next(ranking: Ranking) -> Iterator[str]:
    if instead := instead_of(ranking):
        yield ""
        yield "What async code does instead:"
        yield from (f"  {kind}: {text}" for kind, text in instead.items())
    if ranking.convertible:
        yield ""
        yield "To see what converting the first of them would change:"
        yield f"  {command(ranking)}"


def command(ranking: Ranking) -> str:
    """The command that converts what waits most."""
    return shlex.join(["aeros-compat", "asyncify", "--follow", *ranking.convertible])
