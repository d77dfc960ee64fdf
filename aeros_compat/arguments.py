"""The arguments of the constructor: mistakes fail there, and not at the first request."""

from __future__ import annotations

import inspect
import logging
from typing import Any, cast

from flask import Flask


def check_settings(host: object, port: object, worker_threads: object, logging_level: object) -> None:
    """Raises TypeError or ValueError, with a sentence, for an argument that cannot be."""
    if host is not None and not isinstance(host, str):
        raise TypeError(f"host must be a string such as '127.0.0.1', not {host!r}.")
    if port is not None and (not isinstance(port, int) or not 0 <= port <= 65535):
        raise ValueError(f"port must be a number from 0 to 65535, not {port!r}.")
    if not isinstance(worker_threads, int) or isinstance(worker_threads, bool) or worker_threads < 1:
        raise ValueError(f"worker_threads must be a number of threads, at least 1, not {worker_threads!r}.")
    if isinstance(logging_level, str):
        if logging_level not in logging.getLevelNamesMapping():
            raise ValueError(f"logging_level must be a level such as 'INFO' or logging.INFO, not {logging_level!r}.")
    elif logging_level is not None and (not isinstance(logging_level, int) or isinstance(logging_level, bool)):
        raise TypeError(f"logging_level must be a level such as 'INFO' or logging.INFO, not {logging_level!r}.")


def check_names(cls: type, keywords: dict[str, Any]) -> None:
    """Raises TypeError for a keyword that neither Flask nor ``cls`` knows."""
    flask_names = list(inspect.signature(Flask.__init__).parameters)[1:]
    for name in keywords:
        if name not in flask_names:
            raise TypeError(
                f"{cls.__name__}() got an unexpected keyword argument {name!r}. It takes those of flask.Flask"
                f" ({', '.join(flask_names)}) and {', '.join(own_settings(cls))}."
            )


def own_settings(cls: type) -> dict[str, Any]:
    """What the constructor takes and Flask's does not, with its defaults."""
    parameters = inspect.signature(cast("Any", cls).__init__).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
