"""Numbers as people read them."""

from __future__ import annotations


def seconds(value: float) -> str:
    """``1.25 s``, ``40 ms``."""
    if value >= 10:
        return f"{value:,.0f} s"
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1000:.0f} ms" if value >= 0.01 or not value else f"{value * 1000:.1f} ms"


def percent(share: float) -> str:
    """``12 %``."""
    return f"{share * 100:.0f} %"


def counted(number: int, noun: str) -> str:
    """``1 request``, ``1,200 requests``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
