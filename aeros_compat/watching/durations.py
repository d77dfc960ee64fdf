"""Durations, counted in a small fixed histogram."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Upper bounds of the buckets, in seconds. The last bucket has none.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


#: Durations that are kept as they are until they are counted together, sorted: a fraction of the price.
BATCH = 500


class Durations:
    """Counts, adds up, and keeps the longest. Callers hold a lock."""

    def __init__(self) -> None:
        self._count = 0
        self._total = 0.0
        self._longest = 0.0
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._new: list[float] = []
        #: Takes note of a duration in seconds. Somebody has to call :meth:`settle` now and then.
        self.add = self._new.append

    def settle(self) -> None:
        """Keep the memory bounded."""
        if len(self._new) >= BATCH:
            self._count_new()

    def _count_new(self) -> None:
        new = self._new
        if not new:
            return
        new.sort()
        self._count += len(new)
        self._total += sum(new)
        self._longest = max(self._longest, new[-1])
        below = 0
        for index, bound in enumerate(BOUNDS):
            upto = bisect_right(new, bound)
            self._buckets[index] += upto - below
            below = upto
        self._buckets[-1] += len(new) - below
        new.clear()

    def snapshot(self) -> DurationStats:
        self._count_new()
        return DurationStats.of(self._count, self._total, self._longest, self._buckets)


@dataclass(frozen=True)
class DurationStats:
    """Durations in seconds. ``p50`` and ``p95`` are estimates from ``buckets``: the counts between ``BOUNDS``."""

    count: int = 0
    total: float = 0.0
    longest: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    buckets: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)

    @classmethod
    def of(cls, count: int, total: float, longest: float, buckets: Iterable[int]) -> DurationStats:
        """What has been counted, with the estimates."""
        counts = tuple(buckets)
        p50, p95 = (_quantile(counts, count, longest, share) for share in (0.5, 0.95))
        return cls(count, total, longest, p50, p95, counts)

    def __add__(self, other: DurationStats) -> DurationStats:
        """Both together."""
        counts = (own + others for own, others in zip(self.buckets, other.buckets, strict=True))
        longest = max(self.longest, other.longest)
        return DurationStats.of(self.count + other.count, self.total + other.total, longest, counts)

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    def cumulative(self) -> list[int]:
        """For each bound, how many were not longer; then all of them."""
        return list(accumulate(self.buckets))


#: No durations yet.
NO_DURATIONS = DurationStats()


def _quantile(buckets: Sequence[int], total: int, longest: float, share: float) -> float:
    """Where in its bucket the value would be if those in the bucket were spread evenly."""
    rank = share * total
    before = 0
    for index, count in enumerate(buckets):
        if count and before + count >= rank:
            low = BOUNDS[index - 1] if index else 0.0
            high = min(BOUNDS[index], longest) if index < len(BOUNDS) else longest
            return low + (high - low) * (rank - before) / count
        before += count
    return 0.0
