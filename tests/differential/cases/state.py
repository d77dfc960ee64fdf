"""Visits of several requests: sessions, flashes, cookies."""

from __future__ import annotations

from ..request import get
from .case import Case, visit

VISITS = {
    "a count": ["count", "count", "look", "untouched", "look"],
    "a value": ["set/a/b", "set/%C3%BC/%E2%98%83", "look", "clear", "look"],
    "a change inside": ["change-inside", "change-inside", "change-inside?tell", "change-inside", "look"],
    "a permanent session": ["keep", "look", "untouched", "count", "clear", "untouched"],
    "a failure": ["set/a/1", "fail", "look"],
    "flashes": ["flash/hello", "flash/%C3%BC", "flashes", "flashes"],
    "filtered flashes": ["flash/hello", "flashes?only=error", "flashes"],
    "an interrupted visit": ["set/a/1", "count?break", "count?after=raise", "count?intercept", "look"],
    "a large session": ["set/a/" + "x" * 5000, "look"],
}
VARIANTS = ("default", "custom", "without sessions", "named")

CASES: list[Case] = [
    *(Case(name, tuple(get(f"/state/{step}") for step in steps), VARIANTS) for name, steps in VISITS.items()),
    Case("flashes on a page", (get("/state/flash/x"), get("/state/count"), get("/answers/page"), get("/answers/page"))),
    Case("cookies of many kinds", (get("/answers/value/cookies"), get("/state/cookies"))),
    visit("/state/look", (b"Cookie", b"session=forged"), variants=VARIANTS),
    visit("/state/look", (b"Cookie", b"session=eyJhIjoxfQ.aFVqAA.forged"), variants=VARIANTS),
    visit("/state/look", (b"Cookie", b"session="), (b"Cookie", b"session=x"), variants=VARIANTS),
]
