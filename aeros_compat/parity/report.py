"""What a comparison has found, for people and for programs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .comparison import Difference
    from .parity import Finding, Result
    from .request import Request
    from .swap import Mode

#: Requests, and lines of a part, that the text shows. JSON has all.
SHOWN = 50


def as_text(result: Result, notes: Iterable[str]) -> str:
    """The report that is printed."""
    return "\n".join((*_findings(result), *_rows(result), *_unstable(result), *_summary(result), *notes))


def _findings(result: Result) -> Iterator[str]:
    by_request: dict[Request, dict[tuple[Difference, ...], list[Mode]]] = {}
    for finding in result.findings:
        lanes = by_request.setdefault(finding.request, {}).setdefault(tuple(finding.differences), [])
        lanes.append(finding.lane)
    for request, groups in list(by_request.items())[:SHOWN]:
        yield f"{request}"
        for differences, lanes in groups.items():
            yield f"  {' and '.join(lanes)} views"
            for difference in differences:
                yield f"    {difference.part}"
                yield from _marked("-", difference.expected)
                yield from _marked("+", difference.found)
        yield ""
    if len(by_request) > SHOWN:
        yield f"… and {len(by_request) - SHOWN} more requests; --json has all of them.\n"


def _rows(result: Result) -> Iterator[str]:
    for lane, tables in result.rows.items():
        for table, (only_flask, only_ours) in tables.items():
            yield f"Rows of {table}, {lane} views"
            yield from _marked("-", only_flask)
            yield from _marked("+", only_ours)
            yield ""


def _marked(mark: str, text: str) -> Iterator[str]:
    lines = text.splitlines()
    for line in lines[:SHOWN]:
        yield f"      {mark} {line}"
    if len(lines) > SHOWN:
        yield f"      {mark} … and {len(lines) - SHOWN} more"


def _unstable(result: Result) -> Iterator[str]:
    """What Flask itself does not answer twice in the same way."""
    if result.unstable:
        counts = Counter(part for _, parts in result.unstable for part in parts)
        parts = ", ".join(f"{part} of {count}" for part, count in counts.most_common())
        yield f"Flask itself varies, and was compared around what varies: {parts} requests."
    if result.endless:
        yield "No end in time on Flask, and compared as far as they came: " + ", ".join(map(str, result.endless)) + "."


def _summary(result: Result) -> Iterator[str]:
    total = len(result.requests)
    statuses = ", ".join(f"{count} of {status or 'none'}" for status, count in result.statuses.items())
    yield f"Statuses on Flask: {statuses}."
    for lane in result.lanes:
        different = sum(finding.lane == lane for finding in result.findings)
        tables = len(result.rows[lane])
        yield f"{lane} views: {total - different} of {total} requests the same" + (
            f", {tables} tables different." if tables else "."
        )


def as_json(result: Result, notes: Iterable[str]) -> dict[str, Any]:
    """The report as one object: ``same``, ``requests``, ``findings``, ``rows``, ``unstable``, ``notes``."""
    return {
        "same": result.is_same,
        "requests": len(result.requests),
        "lanes": list(result.lanes),
        "statuses": result.statuses,
        "findings": [_finding(finding) for finding in result.findings],
        "rows": [
            {"lane": lane, "table": table, "flask": flask.splitlines(), "webserver": ours.splitlines()}
            for lane, tables in result.rows.items()
            for table, (flask, ours) in tables.items()
        ],
        "unstable": [{"request": str(request), "parts": parts} for request, parts in result.unstable],
        "endless": [str(request) for request in result.endless],
        "notes": list(notes),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    differences = [
        {"part": difference.part, "flask": difference.expected, "webserver": difference.found}
        for difference in finding.differences
    ]
    return {"lane": finding.lane, "request": finding.request.to_json(), "differences": differences}
