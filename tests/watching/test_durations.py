"""The histogram, against all its values."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aeros_compat.watching.durations import BATCH, BOUNDS, Durations


@given(st.lists(st.floats(0, 100), max_size=50), st.booleans())
def test_counts_and_sums(values: list[float], in_parts: bool) -> None:
    durations = Durations()
    for value in values:
        durations.add(value)
        if in_parts:
            durations.snapshot()
    stats = durations.snapshot()
    assert stats.count == len(values) == sum(stats.buckets) == stats.cumulative()[-1]
    assert stats.total == pytest.approx(sum(values))
    assert stats.longest == max(values, default=0)
    for bound, count in zip(BOUNDS, stats.cumulative(), strict=False):
        assert count == sum(value <= bound for value in values)


@given(st.lists(st.floats(0.0001, 60), min_size=1, max_size=50))
def test_quantiles_are_in_the_bucket_of_the_exact_value(values: list[float]) -> None:
    durations = Durations()
    for value in values:
        durations.add(value)
    stats = durations.snapshot()
    ordered = sorted(values)
    for estimate, share in ((stats.p50, 0.5), (stats.p95, 0.95)):
        exact = next(value for number, value in enumerate(ordered, 1) if number >= share * len(ordered))
        assert bisect_left(BOUNDS, estimate) == bisect_left(BOUNDS, exact)
    assert stats.p50 <= stats.p95 <= stats.longest


def test_nothing_yet() -> None:
    stats = Durations().snapshot()
    assert (stats.count, stats.mean, stats.p50, stats.longest) == (0, 0, 0, 0)


def test_memory_is_bounded() -> None:
    durations = Durations()
    for _ in range(3 * BATCH):
        durations.add(0.5)
        durations.settle()
        assert len(durations._new) <= BATCH
    assert durations.snapshot().count == 3 * BATCH
