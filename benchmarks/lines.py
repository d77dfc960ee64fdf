"""Line charts side by side as one SVG picture, light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Pixels.
_WIDTH, _HEIGHT, _GAP, _LEFT, _HEAD, _FOOT, _LEGEND = 360, 220, 24, 48, 36, 44, 110

#: Of Okabe and Ito, which all eyes tell apart; the last is the text's.
_COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#0072b2", "currentColor")

_STYLE = """
  svg { background: #fff; color: #1f2328; font: 11px system-ui, sans-serif; }
  text { fill: currentColor; } .head { font-weight: 600; font-size: 13px; } .end { text-anchor: end; }
  .middle { text-anchor: middle; } .grid { stroke: #d1d9e0; } polyline { fill: none; stroke-width: 2; }
  @media (prefers-color-scheme: dark) { svg { background: #0d1117; color: #e6edf3; } .grid { stroke: #3d444d; } }
"""


@dataclass(frozen=True)
class Chart:
    """Lines over the same places; the places stand in equal distances, whatever their numbers."""

    title: str
    across: str
    places: Sequence[int]
    #: For each name one value at each place.
    lines: Mapping[str, Sequence[float]]


def svg(charts: Sequence[Chart], label: str) -> str:
    """Each chart has a scale of its own, which begins at 0."""
    across = _LEFT + _WIDTH + _LEGEND + _GAP
    width, height = across * len(charts), _HEAD + _HEIGHT + _FOOT
    parts = [_chart(chart, number * across + _LEFT) for number, chart in enumerate(charts)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{escape(label)}">\n<style>{_STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _chart(chart: Chart, left: int) -> str:
    most = _round_up(max(max(values) for values in chart.lines.values()))
    step = _WIDTH / (len(chart.places) - 1)
    bottom = _HEAD + _HEIGHT
    parts = [f'<text class="head" x="{left}" y="20">{escape(chart.title)}</text>']
    for quarter in range(5):
        y = bottom - _HEIGHT * quarter / 4
        parts.append(f'<line class="grid" x1="{left}" x2="{left + _WIDTH}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="end" x="{left - 6}" y="{y + 4}">{most * quarter / 4:,.0f}</text>')
    for number, place in enumerate(chart.places):
        parts.append(f'<text class="middle" x="{left + step * number:.1f}" y="{bottom + 16}">{place}</text>')
    parts.append(f'<text class="middle" x="{left + _WIDTH / 2}" y="{bottom + 34}">{escape(chart.across)}</text>')
    for number, (name, values) in enumerate(chart.lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(
            f"{left + step * at:.1f},{bottom - _HEIGHT * value / most:.1f}" for at, value in enumerate(values)
        )
        parts.append(f'<polyline stroke="{colour}" points="{points}"/>')
        y = _HEAD + 8 + 16 * number
        parts.append(f'<rect fill="{colour}" x="{left + _WIDTH + 10}" y="{y - 8}" width="10" height="10"/>')
        parts.append(f'<text x="{left + _WIDTH + 24}" y="{y + 1}">{escape(name)}</text>')
    return "\n".join(parts)


def _round_up(value: float) -> float:
    """The next number that has four round quarters."""
    unit = 4.0
    while True:
        for factor in (1, 2, 2.5, 5):
            if unit * factor >= value:
                return unit * factor
        unit *= 10
