"""Signals of both frameworks for one event.

A request sends Flask's signals. Receivers of Quart's signals get the same event, with the core as its sender: when the
first of them is connected, a forwarder is connected to Flask's signal. Until then nothing is forwarded, and a request
in the async lane needs no thread for signals.

``quart.render_template`` sends Quart's signals; receivers of Flask's (test suites look at templates so) get them too.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import flask.signals
import quart.signals
from quart import Quart

if TYPE_CHECKING:
    from blinker import Signal
    from flask import Flask

    from .core import Core

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


class _ToQuart:
    """Sends one of Quart's signals when Flask's of the same name is sent, while somebody listens to Quart's."""

    def __init__(self, name: str) -> None:
        self._flask: Signal = getattr(flask.signals, name)
        self._quart: Signal = getattr(quart.signals, name)
        self._quart.receiver_connected.connect(self._update)
        self._quart.receiver_disconnected.connect(self._update)
        self._update(self._quart)

    def _update(self, signal: Signal, **_: Any) -> None:
        if signal.receivers:
            self._flask.connect(self._forward)
        else:
            self._flask.disconnect(self._forward)

    def _forward(self, sender: Flask, **values: Any) -> None:
        core = getattr(sender, "core", None)
        if isinstance(core, Quart) and self._quart.has_receivers_for(core):
            self._quart.send(core, _async_wrapper=sender.ensure_sync, **values)


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
