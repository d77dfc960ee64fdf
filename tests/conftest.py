"""Fixtures: an application, and the two lanes that a view can take."""

from __future__ import annotations

import functools
import gc
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from aeros_compat import WebServer

#: Files that take longest for their number of tests. At the end they would keep one process busy, and the others idle.
FIRST = ("test_transcript.py", "test_from_flask.py", "test_steps.py", "test_legacy_example.py")

# A shell ignores interrupts for what it starts in the background, and so would every server that is started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# An example may take long on a machine that does other things, too. In CI Hypothesis itself leaves it at that.
settings.register_profile("tests", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

View = Callable[..., Any]
Lane = Callable[[View], View]


def _sync(view: View) -> View:
    return view


def _async(view: View) -> View:
    @functools.wraps(view)
    async def converted(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    # Not a sync function in disguise: what a user would have written.
    del converted.__wrapped__
    return converted


@pytest.fixture(params=[_sync, _async], ids=["sync", "async"])
def lane(request: pytest.FixtureRequest) -> Lane:
    """Turns a sync function into a view (or hook) of the lane under test: itself, or ``async def`` with its body."""
    chosen: Lane = request.param
    return chosen


@pytest.fixture
def app() -> WebServer:
    app = WebServer("tests.application", root_path=str(__file__).rpartition("/")[0])
    app.testing = True
    app.secret_key = "only for tests"
    return app


@pytest.fixture
def collected() -> Iterator[None]:
    """Collects the test's garbage before the test ends.

    For tests that have forms refused: Werkzeug leaves the files of such a form open until they are collected, and a
    later test would be blamed for them.
    """
    yield
    gc.collect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))
