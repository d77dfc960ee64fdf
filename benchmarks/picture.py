"""What a run has measured, as one SVG picture: a panel for each workload, a bar for each peer; light and dark."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .peers import OURS, PEERS
from .workloads import BASELINES, WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .measurement import Measured

_COLUMNS = 2
# Pixels.
_WIDTH, _GAP, _BAR, _STEP, _HEAD = 470, 30, 11, 16, 34
_NAMES, _FIGURES = 190, 60

_STYLE = """
  svg { background: #fff; font: 11px system-ui, sans-serif; }
  text { fill: #1f2328; } .head { font-weight: 600; font-size: 13px; } .name { text-anchor: end; }
  .theirs { fill: #a8b1bb; } .ours { fill: #0969da; } .our { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; } text { fill: #e6edf3; } .theirs { fill: #57606a; } .ours { fill: #4493f8; }
  }
"""


def svg(measured: Iterable[Measured]) -> str:
    """Requests in a second; each panel has a scale of its own, which begins at 0."""
    by_workload: dict[str, list[Measured]] = {}
    for one in measured:
        if one.workload not in BASELINES:
            by_workload.setdefault(one.workload, []).append(one)
    parts, top = [], _GAP
    names = list(by_workload)
    for start in range(0, len(names), _COLUMNS):
        row = names[start : start + _COLUMNS]
        parts += [
            _panel(name, by_workload[name], _GAP + column * (_WIDTH + _GAP), top) for column, name in enumerate(row)
        ]
        top += max(_HEAD + _STEP * len(by_workload[name]) for name in row) + _GAP
    width = _GAP + _COLUMNS * (_WIDTH + _GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" height="{top}" role="img"'
        ' aria-label="Requests in a second of each peer in each workload">\n'
        f"<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(name: str, measured: list[Measured], left: int, top: int) -> str:
    most = max(one.rate for one in measured) or 1
    title = escape(WORKLOADS[name].title)
    lines = [f'<text class="head" x="{left}" y="{top + 12}">{title}: requests in a second</text>']
    for number, one in enumerate(sorted(measured, key=lambda one: -one.rate)):
        y = top + _HEAD + number * _STEP
        length = (_WIDTH - _NAMES - _FIGURES) * one.rate / most
        kind, weight = ("ours", " our") if one.peer in OURS else ("theirs", "")
        bar = left + _NAMES + 6
        lines.append(
            f'<text class="name{weight}" x="{left + _NAMES}" y="{y}">{escape(PEERS[one.peer].title)}</text>'
            f'<rect class="{kind}" x="{bar}" y="{y - _BAR + 2}" width="{max(length, 1):.1f}" height="{_BAR}"/>'
            f'<text class="figure{weight}" x="{bar + length + 5:.1f}" y="{y}">{one.rate:,.0f}</text>'
        )
    return "\n".join(lines)
