"""Whether lines are coloured, and how."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from typing import TextIO

_LEVELS = {
    logging.DEBUG: "cyan",
    logging.INFO: "green",
    logging.WARNING: "yellow",
    logging.ERROR: "red",
    logging.CRITICAL: "bright_red",
}
_STATUS_CLASSES = {1: "cyan", 2: "green", 3: "blue", 4: "yellow", 5: "red"}


def wants_colours(stream: TextIO, setting: bool | None = None) -> bool:
    """Whether what is written to ``stream`` is to be coloured.

    :param setting: what the user has said; None leaves it to the environment: ``NO_COLOR`` (https://no-color.org),
        ``FORCE_COLOR`` (https://force-color.org), each of them if it is not empty, and then to the stream.
    """
    if setting is not None:
        return setting
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def coloured_level(level: int, text: str) -> str:
    return click.style(text, fg=_LEVELS.get(level, "white"))


def coloured_status(status: int) -> str:
    """A status of HTTP in the colour of its class, or the close code of a websocket."""
    return click.style(str(status), fg=_STATUS_CLASSES.get(status // 100, "magenta"))


def bold(text: str) -> str:
    return click.style(text, bold=True)
