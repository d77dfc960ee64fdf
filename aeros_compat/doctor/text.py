"""A diagnosis for people: plain text, coloured on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .finding import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .diagnosis import Diagnosis
    from .extensions import Extension
    from .finding import Finding, Severity
    from .routes import Route
    from .source import Place

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}

#: Concerned views that are named; the JSON has all.
_NAMED = 5


def text_of(diagnosis: Diagnosis) -> str:
    """The whole report, with ANSI colours; ``click.echo`` takes them off where there is no terminal."""
    return "\n".join(
        [
            f"{click.style(diagnosis.target, bold=True)} is a {diagnosis.kind}"
            f" with {diagnosis.worker_threads} worker threads. It was imported, and nothing of it was called.",
            *_section("Routes", _table(map(_route, diagnosis.routes))),
            *_section("Around the views", [f"{layer.kind} {layer.name}: {layer.effect}" for layer in diagnosis.layers]),
            *_section("Hooks", [_hook(kind, *counts) for kind, counts in diagnosis.hooks.items()]),
            *_section("Session", [_session(diagnosis)]),
            *_section("Extensions", map(_extension, diagnosis.extensions)),
            *_section("Findings", _findings(diagnosis.findings)),
        ]
    )


def _section(title: str, lines: Iterable[str]) -> list[str]:
    found = list(lines)
    return ["", click.style(title, bold=True), *(f"  {line}".rstrip() for line in found)] if found else []


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    found = list(rows)
    widths = [max(map(len, column)) for column in zip(*found, strict=True)]
    for row in found:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _route(route: Route) -> tuple[str, ...]:
    names = [f"{decorator.name} ({_short(decorator.place)})" for decorator in route.decorators]
    reason = (
        f"sync decorator {', '.join(names)}" if names and route.reason.startswith("sync decorator") else route.reason
    )
    hops = f"{route.hops} hop{'' if route.hops == 1 else 's'}" if not route.lane.startswith("websocket") else ""
    return " ".join(route.methods), route.rule, route.lane, hops, _short(route.place), reason


def _short(place: Place | None) -> str:
    """A place; inside of an installed package, without the folder that packages are installed in."""
    return str(place or "").rpartition("site-packages/")[2]


def _hook(kind: str, sync: int, asynchronous: int) -> str:
    return f"{kind}: {sync} sync, {asynchronous} async"


def _session(diagnosis: Diagnosis) -> str:
    cost = "no thread needed" if diagnosis.session.is_cheap else "opened and saved on a thread, in async views too"
    return f"{diagnosis.session.interface}: {cost}"


def _extension(extension: Extension) -> str:
    if extension.is_tested:
        return f"{extension.name} {extension.version}: tested, in lane {', '.join(extension.lanes)}"
    return f"{extension.name} {extension.version}: untested" + (
        f" (tested: {extension.tested})" if extension.tested else ""
    )


def _findings(findings: Iterable[Finding]) -> Iterator[str]:
    found = list(findings)
    for finding in found:
        place = f"{_short(finding.place)}: " if finding.place else ""
        yield f"{_coloured(finding.severity)} {click.style(finding.rule, bold=True)}  {place}{finding.message}"
        if finding.concerns:
            more = len(finding.concerns) - _NAMED
            named = ", ".join(finding.concerns[:_NAMED]) + (f" and {more} more" if more > 0 else "")
            yield f"    in {named}"
        yield f"    {finding.advice}"
        yield ""
    yield ", ".join(_count(severity, found) for severity in SEVERITIES)


def _coloured(severity: Severity) -> str:
    return click.style(severity, fg=_COLOURS[severity])


def _count(severity: Severity, findings: list[Finding]) -> str:
    number = sum(finding.severity == severity for finding in findings)
    return f"{number} {severity}" + ("" if number == 1 or severity == "info" else "s")
