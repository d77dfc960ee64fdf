"""The pytest plugin that runs inside a foreign suite's environment: ``-p aeros_conformance.plugin``.

pytest imports it before it collects anything, so that ``from flask import Flask`` in a test, or in an extension, finds
the class that the order names.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .order import Answer
from .replacement import replace

if TYPE_CHECKING:
    import pytest

_replacement = replace()
_order = _replacement.order
_answer = Answer()
_started = time.monotonic()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the tests that cannot apply."""
    excluded: list[pytest.Item] = []
    for entry in _order.excluded:
        found = [item for item in items if _is_meant(entry, item.nodeid)]
        _answer.excluded[entry] = len(found)
        excluded += found
    items[:] = [item for item in items if item not in excluded]
    config.hook.pytest_deselected(items=excluded)


def pytest_collection_finish() -> None:
    _replacement.give_agents_flask()


def _is_meant(entry: str, nodeid: str) -> bool:
    return nodeid == entry or nodeid.startswith((f"{entry}[", f"{entry}::"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the outcome of a test: that of its call, unless setting it up or tearing it down went wrong."""
    says_something = report.when == "call" or not report.passed
    if says_something and _answer.outcomes.get(report.nodeid) != "failed":
        _answer.outcomes[report.nodeid] = report.outcome


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that cannot be imported is a test that fails."""
    if report.failed:
        _answer.outcomes[report.nodeid] = "failed"


def pytest_sessionfinish() -> None:
    _answer.seconds = time.monotonic() - _started
    _answer.requests = _replacement.requests()
    _answer.write(_order.answer)
