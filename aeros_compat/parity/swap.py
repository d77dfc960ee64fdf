"""What ``flask.Flask`` and ``WebServer`` mean in a process that compares the two.

This is a tool for tests, in processes that end with them, and the one place of this package that replaces names of
others: an application and its tests are to run as they are, on Flask and on WebServer. Nothing that serves uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import flask
import flask.app
from flask import Flask

import aeros_compat

from ..arguments import own_settings
from ..webserver import WebServer
from .coroutines import convert_views

if TYPE_CHECKING:
    from collections.abc import Callable

#: ``flask.Flask`` as it is; WebServer in its place; the same, with every view that is registered as ``async def``.
Mode = Literal["flask", "sync", "async"]


class PlainFlask(Flask):
    """``flask.Flask`` for an application that names WebServer already: what only WebServer knows is left out."""

    def __init__(self, import_name: str, *args: Any, **kwargs: Any) -> None:
        own = own_settings(WebServer)
        super().__init__(import_name, *args, **{name: value for name, value in kwargs.items() if name not in own})

    @classmethod
    def from_flask(cls, app: Flask, **settings: Any) -> Self:
        return app  # type: ignore[return-value]


def swap(mode: Mode) -> Callable[[Flask], Flask]:
    """Give the names their meaning, before the application or its tests are imported.

    :returns: what makes the application of this mode out of one that was made otherwise.
    """
    if mode == "flask":
        aeros_compat.WebServer = PlainFlask  # type: ignore[assignment,misc]
        return lambda app: app
    flask.Flask = flask.app.Flask = WebServer  # type: ignore[misc]
    if mode == "async":
        convert_views()
    return WebServer.from_flask
