"""Requests and answers that are there as a whole: handed over in one call, where the server is one that can.

ASGI takes a coroutine and a dictionary for each message, and nearly every request has three of them. The server of
``app.run()`` (see ``serving/cycle.py``) also has two methods that do the same at once. Whoever wraps ``receive`` or
``send``, as middleware does, gets the messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..types import Headers, Receive, Send


class Whole:
    """What the owner of a server's ``receive`` and ``send`` is, if it can do without messages."""

    def take_body(self) -> bytes | None:
        """The body of the request, if all of it is there; else None, and it has to be received."""
        raise NotImplementedError

    def send_answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole answer; False, and nothing is sent, if this one has to be sent in messages."""
        raise NotImplementedError


def whole_of(call: Receive | Send) -> Whole | None:
    """What is behind ``receive`` or ``send``, if it is a server's own and can do without messages."""
    owner = getattr(call, "__self__", None)
    return owner if isinstance(owner, Whole) else None
