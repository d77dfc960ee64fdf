"""Loads the application that a command line names, and shows what its own code raises."""

from __future__ import annotations

import importlib
import os
import traceback
from typing import TYPE_CHECKING

from flask import cli

from .settings import CannotServe

if TYPE_CHECKING:
    from types import TracebackType

    from ..webserver import WebServer
    from .location import Location


def load(location: Location) -> WebServer:
    """The application; what its own code raises is shown from there on.

    :raises CannotServe: if there is none.
    """
    os.environ["FLASK_RUN_FROM_CLI"] = "true"  # so that an app.run() in the module does nothing
    try:
        return location.load()
    except CannotServe:
        raise
    except Exception as error:
        traceback.print_exception(type(error), error, _from_users_code(error.__traceback__))
        raise CannotServe(f"{location} cannot be loaded: see above what its own code raises.") from error
    except SystemExit as error:
        raise CannotServe(f"{location} cannot be loaded: its own code calls sys.exit({error.code!r}).") from error


def _from_users_code(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the steps from here to the module of the user's."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_IN_BETWEEN):
        trace = trace.tb_next
    return trace


#: Whose code stands between the command and the module: this package, Flask's search, Python's import.
_IN_BETWEEN = (
    os.path.dirname(os.path.dirname(__file__)) + os.sep,
    cli.__file__,
    "<frozen importlib",
    importlib.__file__,
)
