"""Putting WebServer in the place of Flask, and coroutine functions in the place of functions, as ordered."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import flask
import flask.app
import quart
import quart.app

from aeros_compat.parity.coroutines import convert_hooks, convert_views

from .order import Order

if TYPE_CHECKING:
    from .counting import Calls


_FLASK = flask.Flask


@dataclass
class Replacement:
    """What was ordered, and the counters of what happens since."""

    order: Order
    calls: Calls | None

    def requests(self) -> dict[str, int]:
        """Calls of the ASGI application and of the lanes. To be asked once, at the end."""
        return {} if self.calls is None else self.calls.totals()

    def give_agents_flask(self) -> None:
        """Put flask.Flask back where agents look for the class that they patch."""
        for agent in self.order.agents:
            sys.modules[agent].Flask = _FLASK  # type: ignore[attr-defined]


def _swap_flask() -> Calls:
    from aeros_compat import WebServer  # only where it is ordered: the baseline is Flask without this package

    from .counting import count_requests

    flask.Flask = flask.app.Flask = WebServer  # type: ignore[misc]
    return count_requests(WebServer)


def _swap_quart() -> Calls:
    from aeros_compat.quart_side.core import Core

    from .cores import CoreOfWebServer
    from .counting import count_requests

    quart.Quart = quart.app.Quart = CoreOfWebServer  # type: ignore[misc]
    return count_requests(Core)


def _swap_nothing() -> Calls:
    from aeros_compat import WebServer

    from .counting import count_requests

    return count_requests(WebServer)


_SWAPS = {"flask": _swap_flask, "quart": _swap_quart}


@functools.cache
def replace() -> Replacement:
    """Do what the order says, once in a process, before anybody else imports ``flask.Flask``."""
    order = Order.read()
    if order.lane != "sync":
        convert_views()
    if order.lane == "async-hooks":
        convert_hooks()
    return Replacement(order, _calls(order))


def _calls(order: Order) -> Calls | None:
    if order.target == "flask":
        return None
    return _swap_nothing() if order.target == "swapped" else _SWAPS[order.framework]()
