"""What the application notes while it works: the order of hooks, signals and log records."""

from __future__ import annotations

import logging
from typing import Any

import flask
from blinker import Signal
from flask import Flask, current_app

NAME = "differential.application"


def journal_of(app: Flask) -> list[str]:
    """The notes of an application; the harness empties it before each request."""
    notes: list[str] = app.extensions.setdefault("journal", [])
    return notes


def note(text: str) -> None:
    """Note something about the current request."""
    journal_of(current_app).append(text)


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if flask.has_app_context():
            error = record.exc_info[0] if record.exc_info else None
            note(f"log: {record.levelname} {record.getMessage()} {error and error.__name__}")


# The logger belongs to the name of the application, which all applications of the harness share.
logging.getLogger(NAME).addHandler(_Notes())
logging.getLogger(NAME).propagate = False

_DETAILS = ("response", "exception", "exc", "template", "message", "category")


def note_signals(app: Flask) -> None:
    """Note every signal of Flask's that is sent for ``app``."""
    for name, signal in vars(flask.signals).items():
        if isinstance(signal, Signal):
            signal.connect(_receiver(app, name), sender=app, weak=False)


def _receiver(app: Flask, name: str) -> Any:
    def receive(sender: Any, **extra: Any) -> None:
        details = [f"{key}={_short(extra[key])}" for key in _DETAILS if key in extra]
        journal_of(app).append(f"signal: {name} {' '.join(details)}".rstrip())

    return receive


def _short(value: Any) -> str:
    if isinstance(value, flask.Response):
        return value.status
    if isinstance(value, BaseException):
        return type(value).__name__
    return str(getattr(value, "name", value))
