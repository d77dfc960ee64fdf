"""Signals of both frameworks for one event.

A request sends Flask's signals. A receiver of Quart's that asks for this application (``sender=app.core``) gets the
same event. One that asks for every Quart application does not: agents do that (Sentry), and would take a request for
one of Quart's that they have already seen as one of Flask's. Nothing is forwarded until somebody asks, so that a
request in the async lane needs no thread for signals.

``quart.render_template`` sends Quart's signals; receivers of Flask's (test suites look at templates so) get them too.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import flask.signals
import quart.signals
from quart import Quart

if TYPE_CHECKING:
    from collections.abc import Callable

    from blinker import Signal
    from flask import Flask

    from .quart_side.core import Core

#: Signals of a request, which both frameworks have under the same names.
REQUEST_SIGNALS = (
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "got_request_exception",
    "message_flashed",
    "request_finished",
    "request_started",
    "request_tearing_down",
)


def is_heard(app: Flask, *signals: Signal) -> bool:
    """Whether anybody listens to one of Flask's ``signals`` of ``app``. Nearly always nobody does, to any."""
    for signal in signals:  # noqa: SIM110 (each request asks: a generator would cost as much as all of it)
        if signal.receivers and signal.has_receivers_for(app):
            return True
    return False


class _ToQuart:
    """Sends one of Quart's signals when Flask's of the same name is sent, to those who listen to this application."""

    def __init__(self, name: str) -> None:
        self._flask: Signal = getattr(flask.signals, name)
        self._quart: Signal = getattr(quart.signals, name)
        self._cores: WeakSet[Quart] = WeakSet()
        self._quart.receiver_connected.connect(self._connected)
        self._quart.receiver_disconnected.connect(self._disconnected)

    def _connected(self, signal: Signal, sender: Any, **_: Any) -> None:
        if isinstance(sender, Quart):
            self._cores.add(sender)
            self._flask.connect(self._forward)

    def _disconnected(self, signal: Signal, **_: Any) -> None:
        if not any(map(self._receivers_of, self._cores)):
            self._flask.disconnect(self._forward)

    def _receivers_of(self, core: Quart) -> list[Callable[..., Any]]:
        of_everybody = list(self._quart.receivers_for(object()))
        return [receiver for receiver in self._quart.receivers_for(core) if receiver not in of_everybody]

    def _forward(self, sender: Flask, **values: Any) -> None:
        core = getattr(sender, "core", None)
        if isinstance(core, Quart):
            for receiver in self._receivers_of(core):
                sender.ensure_sync(receiver)(core, **values)


# Kept here because signals themselves keep weak references.
_to_quart = [_ToQuart(name) for name in REQUEST_SIGNALS]


async def _before_render_template(core: Core, **values: Any) -> None:
    await _send_flasks(flask.signals.before_render_template, core, values)


async def _template_rendered(core: Core, **values: Any) -> None:
    await _send_flasks(flask.signals.template_rendered, core, values)


async def _send_flasks(signal: Signal, core: Core, values: dict[str, Any]) -> None:
    server = core.server
    if signal.has_receivers_for(server):
        await core.sync_to_async(partial(signal.send, server, _async_wrapper=server.ensure_sync))(**values)


def connect_templates_of(core: Core) -> None:
    """Let Flask's receivers hear of the templates that ``quart.render_template`` renders for ``core``."""
    quart.signals.before_render_template.connect(_before_render_template, sender=core)
    quart.signals.template_rendered.connect(_template_rendered, sender=core)
