"""The table of gunicorn's options: nothing is missing, and what it names exists."""

from __future__ import annotations

import inspect
import re

from gunicorn.config import KNOWN_SETTINGS  # type: ignore[import-untyped]

from aeros_compat import WebServer
from aeros_compat.command import run_command
from aeros_compat.serving.settings import ALIASES, OWN_OPTIONS, UVICORN_OPTIONS

from .pages import GUIDE

ROWS = [
    row.split(" | ") for row in (GUIDE / "topics" / "gunicorn.md").read_text().splitlines() if row.startswith("| `")
]
HERE = " ".join(cell for _, *cells in ROWS for cell in cells)


def test_every_setting_of_gunicorn_has_a_counterpart_or_none() -> None:
    named = {name for theirs, *_ in ROWS for name in re.findall(r"`(\w+)`", theirs)}
    assert {setting.name for setting in KNOWN_SETTINGS} <= named


def test_options_of_the_command_line_exist() -> None:
    options = {text for option in run_command.params for text in (*option.opts, *option.secondary_opts)}
    assert set(re.findall(r"`(--[\w-]+)", HERE)) <= options


def test_arguments_exist() -> None:
    arguments = set(inspect.signature(WebServer.__init__).parameters) | OWN_OPTIONS | UVICORN_OPTIONS | set(ALIASES)
    assert set(re.findall(r"`(?:WebServer\(|app\.run\()?([a-z_]+)=", HERE)) <= arguments
