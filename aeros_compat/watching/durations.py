"""Durations, counted in a small fixed histogram."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

#: Upper bounds of the buckets, in seconds. The last bucket has none.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Durations:
    """Counts, adds up, and keeps the longest. One thread adds."""

    __slots__ = ("_buckets", "_count", "_longest", "_total")

    def __init__(self) -> None:
        self._count = 0
        self._total = 0.0
        self._longest = 0.0
        self._buckets = [0] * (len(BOUNDS) + 1)

    def add(self, seconds: float) -> None:
        self._count += 1
        self._total += seconds
        if seconds > self._longest:
            self._longest = seconds
        self._buckets[bisect_left(BOUNDS, seconds)] += 1

    def merge(self, other: Durations) -> None:
        """Add those that another one has counted."""
        self._count += other._count
        self._total += other._total
        self._longest = max(self._longest, other._longest)
        self._buckets = [own + more for own, more in zip(self._buckets, other._buckets, strict=True)]

    def snapshot(self) -> DurationStats:
        return DurationStats(
            self._count, self._total, self._longest, self._quantile(0.5), self._quantile(0.95), tuple(self._buckets)
        )

    def _quantile(self, share: float) -> float:
        """Where in its bucket the value would be if those in the bucket were spread evenly."""
        rank = share * self._count
        before = 0
        for index, count in enumerate(self._buckets):
            if count and before + count >= rank:
                low = BOUNDS[index - 1] if index else 0.0
                high = min(BOUNDS[index], self._longest) if index < len(BOUNDS) else self._longest
                return low + (high - low) * (rank - before) / count
            before += count
        return 0.0


@dataclass(frozen=True)
class DurationStats:
    """Durations in seconds. ``p50`` and ``p95`` are estimates from ``buckets``: the counts between ``BOUNDS``."""

    count: int = 0
    total: float = 0.0
    longest: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    buckets: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    def cumulative(self) -> list[int]:
        """For each bound, how many were not longer; then all of them."""
        return list(accumulate(self.buckets))


#: No durations yet.
NO_DURATIONS = DurationStats()
