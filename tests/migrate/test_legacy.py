"""The legacy example, moved by the commands alone: its own tests pass afterwards."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ..legacy import copy_example, environment, run
from ..programs import PYTHON

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = (*PYTHON, "-m", "aeros_compat")
VIEWS = {
    "pages.units": "hangar/pages.py::units",
    "pages.health": "hangar/pages.py::health",
    "reports.briefing": "hangar/reports.py::briefing",
}
STREAM = "hangar/reports.py::register"

LANES = """
import json
from wsgi import app
from aeros_compat.lanes.choice import lane_of

print(json.dumps({name: lane_of(app, view, "GET") for name, view in app.view_functions.items()}))
"""


def test_it_is_swapped_and_asyncified(tmp_path: Path) -> None:
    folder = copy_example(tmp_path / "hangar", 0)
    assert run(*COMMAND, "swap", "--write", ".", cwd=folder) == "hangar/__init__.py: written\n"
    told = run(*COMMAND, "asyncify", "--follow", "--write", *VIEWS.values(), STREAM, cwd=folder)

    for view in VIEWS.values():
        assert f"{view}: async def\n" in told
    assert f"{STREAM}: left alone\n" in told
    assert "a template that is sent while it is rendered keeps its thread" in told
    # Its tests call this one; the other two services are asked by the view alone.
    assert "thread: await sync_to_async(f)(…): lookups.exchange_rate()" in told
    assert "follow: await lookups.weather" in told
    assert "follow: await lookups.parts_lead_time" in told

    lanes = json.loads(run(*PYTHON, "-c", LANES, cwd=folder))
    assert {name for name, (lane, _) in lanes.items() if lane == "async"} == set(VIEWS)

    suite = (
        "-m",
        "pytest",
        "-W",
        "error",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "units or health or briefing or exchange",
    )
    output = run(*PYTHON, *suite, cwd=folder, env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"))
    assert re.search(r"^17 passed, \d+ deselected", output.splitlines()[-1]), output
