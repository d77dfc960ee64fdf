"""Requests and answers that are there as a whole: handed over in one call, where the server is one that can.

ASGI takes a coroutine and a dictionary for each message, and nearly every request has three of them. The server of
``app.run()`` (see ``serving/cycle.py``) also has two methods that do the same at once. So have the policies and the
access log, which stand between it and the lanes. Whoever else wraps ``receive`` or ``send`` gets the messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..types import Headers, Receive, Send


class WholeRequest:
    """What the owner of a ``receive`` is, if it can do without messages."""

    def take_body(self) -> bytes | None:
        """The body of the request, if all of it is there; else None, and it has to be received."""
        raise NotImplementedError


class WholeAnswer:
    """What the owner of a ``send`` is, if it can do without messages."""

    @property
    def is_ready(self) -> bool:
        """Whether :meth:`send_answer` is worth a try: it is for most answers then."""
        raise NotImplementedError

    def send_answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole answer; False, and nothing is sent, if this one has to be sent in messages."""
        raise NotImplementedError


class RelayedAnswer(WholeAnswer):
    """One that hands the answer on to another ``send``: ready if whoever is behind that is."""

    _send: Send

    @property
    def is_ready(self) -> bool:
        owner = getattr(self._send, "__self__", None)
        return isinstance(owner, WholeAnswer) and owner.is_ready


def take_body(receive: Receive) -> bytes | None:
    """The body of the request, if all of it is there and whoever is behind ``receive`` gives it away at once."""
    owner = getattr(receive, "__self__", None)
    return owner.take_body() if isinstance(owner, WholeRequest) else None


def send_answer(send: Send, status: int, headers: Headers, body: bytes) -> bool:
    """Send a whole answer, if whoever is behind ``send`` takes it at once; whether it has."""
    owner = getattr(send, "__self__", None)
    return isinstance(owner, WholeAnswer) and owner.send_answer(status, headers, body)
