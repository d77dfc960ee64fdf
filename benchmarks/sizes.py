"""What ``migration_guide/sizing.md`` says was measured: written by ``python -m benchmarks.workers``."""

from __future__ import annotations

import os
from platform import python_version
from typing import TYPE_CHECKING

from .content import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .workers import Figure

PAGE = ROOT / "migration_guide" / "sizing.md"

#: The lines between which the page is written anew.
FROM, TO = "<!-- written by benchmarks/workers.py from here -->\n", "<!-- to here -->\n"


def write_page(section: str) -> None:
    """Put what was measured into the page."""
    PAGE.write_text(replaced(PAGE.read_text(), section))


def replaced(text: str, section: str) -> str:
    """``text`` with another section. Raises ValueError if it has no lines between which to put it."""
    before, found, rest = text.partition(FROM)
    _, ends, after = rest.partition(TO)
    if not found or not ends:
        raise ValueError(f"{PAGE} has no lines {FROM.strip()!r} and {TO.strip()!r}.")
    return f"{before}{FROM}\n{section}\n{TO}{after}"


def section_of(
    waiting: Mapping[int, Figure],
    computing: Mapping[int, Figure],
    by_workers: Mapping[int, float],
    memory: Mapping[int, int],
) -> str:
    """Sentences for the page.

    :param waiting: one worker's figures by its threads, for a view that waits for 10 ms, asked 64 times at a time.
    :param computing: the same for a template.
    :param by_workers: responses in a second of the view that waits, by workers of 8 threads.
    :param memory: resident bytes, by workers.
    """
    cores, load = os.cpu_count() or 1, os.getloadavg()[2]
    few, many = sorted(memory)[-2:]
    each = (memory[many] - memory[few]) / (many - few) / 2**20
    conditions = f"Python {python_version()}, {cores} cores, load average {load:.0f} in the 15 minutes until the end."
    if load > 2 * cores:
        conditions += (
            " Other programs kept the machine busy: the rates are below what it can do, and differences of less than a"
            " half say nothing."
        )
    rates = _listed({threads: f"{figure.rate:,.0f}" for threads, figure in waiting.items()}, "thread")
    costs = _listed({threads: f"{figure.cpu * 1000:.2f} ms" for threads, figure in computing.items()}, "thread")
    responses = _listed({workers: f"{rate:,.0f}" for workers, rate in by_workers.items()}, "worker")
    return (
        f"{conditions}\n\n"
        f"* **Views that wait** for 10 ms, 64 requests at a time, responses in a second: {rates}.\n"
        "  Little's law gives the upper bounds: threads / 0.01 s.\n"
        f"* **Views that compute**, a template, processor time for a request: {costs}.\n"
        f"* **Workers** of 8 threads, views that wait, responses in a second: {responses}.\n"
        f"* **Memory**: {memory[1] / 2**20:,.0f} MiB with one worker; each of several costs {each:,.0f} MiB more.\n"
    )


def _listed(values: Mapping[int, str], noun: str) -> str:
    return ", ".join(f"{value} with {number} {noun}{'s' * (number > 1)}" for number, value in values.items())
