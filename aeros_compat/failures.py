"""How the commands that help to migrate end if they cannot do what they are asked for: a sentence, and exit code 2.

Code 1 says that something was found, as with other checkers.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from .serving.settings import CannotServe

if TYPE_CHECKING:
    from collections.abc import Iterator


class CannotRun(click.ClickException):
    """What was asked for cannot be done. The text is a sentence for the user, who sees it without a traceback."""

    exit_code = 2


@contextmanager
def ending_in_a_sentence() -> Iterator[None]:
    """End the command with the reason if the application cannot be loaded."""
    try:
        yield
    except CannotServe as error:
        raise CannotRun(str(error)) from error


def reason_of(error: OSError) -> str:
    """The system's words alone: ``No such file or directory``."""
    return (error.strerror or str(error)).rstrip(".")
