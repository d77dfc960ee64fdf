"""The application that is looked at: imported, turned into a WebServer, and not asked for anything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..serving.loading import load
from ..serving.location import location_from
from ..serving.settings import CannotServe
from ..webserver import WebServer
from .calls import CallGraph
from .handlers import handlers_of
from .ownership import Ownership
from .shared import thread_locals_in

if TYPE_CHECKING:
    from flask import Flask

    from .handlers import Handler
    from .shared import Shared


@dataclass
class Application:
    """What the rules look at."""

    #: As it was named on the command line.
    target: str
    app: WebServer
    #: Whether it was a plain ``flask.Flask``, and is a WebServer in this process only.
    was_plain: bool

    @cached_property
    def ownership(self) -> Ownership:
        return Ownership(self.app.import_name)

    @cached_property
    def handlers(self) -> list[Handler]:
        return list(handlers_of(self.app))

    @cached_property
    def thread_locals(self) -> list[Shared]:
        return list(thread_locals_in(self.ownership.modules()))

    @cached_property
    def on_loop(self) -> list[tuple[Handler, CallGraph]]:
        """The handlers that run on the event loop, with what they call there."""
        handlers = [handler for handler in self.handlers if handler.on_loop is not None]
        return [(handler, self.calls_of(handler, handler.on_loop)) for handler in handlers]

    def calls_of(self, handler: Handler, function: object) -> CallGraph:
        """What ``function``, a layer of a handler, calls."""
        graph = CallGraph(self.ownership, frozenset(id(shared.object) for shared in self.thread_locals))
        graph.follow(function, handler.owner)
        return graph


def application_from(target: str | None) -> Application:
    """Import the application that ``target`` names, as ``aeros-compat run`` does.

    :raises CannotServe: if it is not there, or cannot be turned into a WebServer.
    """
    plain: list[bool] = []

    def convert(app: Flask) -> WebServer:
        plain.append(not isinstance(app, WebServer))
        try:
            return WebServer.from_flask(app)
        except (TypeError, RuntimeError) as error:
            raise CannotServe(str(error)) from error

    location = location_from(target, convert)
    app = load(location)
    return Application(str(location), app, plain[-1])
