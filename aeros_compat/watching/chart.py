"""The geometry of the charts. The page's template draws them as SVG, its style sheet colours them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .history import SAMPLE_EVERY, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .history import Sample
    from .tally import RouteStats

#: Seconds that the chart shows: the fewest that have room for all samples. A server that has just begun would else have
#: to be looked for at the edge.
SPANS = (60, 180, int(SAMPLES * SAMPLE_EVERY))

#: Units of the SVG: as many as there can be samples, and as many as look well for the whole height.
WIDTH = SAMPLES
HEIGHT = 120


class SaturationChart(NamedTuple):
    """Saturation of the threads over the last seconds; the newest one is at the right."""

    #: Seconds from the left to the right.
    span: int

    #: An outline for each stretch of time without a gap, as the ``d`` of a path that ends on the base line.
    areas: tuple[str, ...]
    #: The same, along the values alone.
    lines: tuple[str, ...]
    #: Seconds in which jobs waited: x, and the height of the mark (the longest queue is a third of the chart).
    waits: tuple[tuple[float, float], ...]
    #: Seconds in which the loop was late by more than a tenth of a second: x.
    blocks: tuple[float, ...]
    text: str
    width: int = WIDTH
    height: int = HEIGHT


def saturation_chart(samples: Sequence[Sample]) -> SaturationChart:
    now = samples[-1].at if samples else 0.0
    recent = [sample for sample in samples if now - sample.at < SPANS[-1]]
    oldest = now - recent[0].at if recent else 0.0
    span = next((span for span in SPANS if oldest < span), SPANS[-1])
    step = WIDTH * SAMPLE_EVERY / span
    outlines = [[(_x(now, sample, step), _y(sample.saturation)) for sample in part] for part in _stretches(recent)]
    longest = max((sample.waiting for sample in recent), default=0)
    return SaturationChart(
        span=span,
        areas=tuple(
            f"M{points[0][0] - step:.1f},{HEIGHT}L{points[0][0] - step:.1f},{points[0][1]:.1f}{_path(points)}"
            f"L{points[-1][0]:.1f},{HEIGHT}Z"
            for points in outlines
        ),
        lines=tuple(f"M{points[0][0] - step:.1f},{points[0][1]:.1f}{_path(points)}" for points in outlines),
        waits=tuple((_x(now, s, step), HEIGHT / 3 * s.waiting / longest) for s in recent if s.waiting),
        blocks=tuple(_x(now, sample, step) for sample in recent if sample.loop_delay > 0.1),
        text=_text(recent, longest),
    )


def _stretches(samples: Sequence[Sample]) -> list[list[Sample]]:
    stretches: list[list[Sample]] = []
    for sample in samples:
        if stretches and sample.at - stretches[-1][-1].at < 3 * SAMPLE_EVERY:
            stretches[-1].append(sample)
        else:
            stretches.append([sample])
    return stretches


def _x(now: float, sample: Sample, step: float) -> float:
    return round(WIDTH - step * (now - sample.at) / SAMPLE_EVERY, 1)


def _y(saturation: float) -> float:
    return HEIGHT * (1 - saturation)


def _path(points: list[tuple[float, float]]) -> str:
    return "".join(f"L{x:.1f},{y:.1f}" for x, y in points)


def _text(samples: Sequence[Sample], longest_queue: int) -> str:
    """What the chart shows, for those who do not see it."""
    if not samples:
        return "No second has been measured yet."
    mean = sum(sample.saturation for sample in samples) / len(samples)
    highest = max(sample.saturation for sample in samples)
    late = sum(1 for sample in samples if sample.loop_delay > 0.1)
    return (
        f"In the last {len(samples)} seconds the worker threads were busy {mean:.0%} of the time, at most {highest:.0%}"
        f" of a second. At most {longest_queue} jobs waited for a thread. The event loop was late in {late} seconds."
    )


class Bar(NamedTuple):
    """The time of one route, as shares of the longest bar: 0 to 100."""

    route: RouteStats
    view: float
    wait: float


def bars(routes: Sequence[RouteStats]) -> list[Bar]:
    """A bar for each route, in the order given."""
    longest = max((route.view.total + route.wait.total for route in routes), default=0.0) or 1.0
    return [Bar(route, 100 * route.view.total / longest, 100 * route.wait.total / longest) for route in routes]
