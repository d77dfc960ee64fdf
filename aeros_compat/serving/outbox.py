"""Answers that leave together: small ones, of one turn of the loop.

Each write to a connection wakes its reader, if that sleeps: on this machine (a proxy does, and clients that measure) on
another core; and on the way from one small answer to the next it falls asleep again. That was a third of the time of an
async view. uvloop wrote at the end of each turn until 0.22, and does it at once since
https://github.com/MagicStack/uvloop/pull/619; asyncio always has.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Collection

#: Answers that wait for one another at most.
MOST = 16

#: Seconds since the one before after which an answer does not wait: they are few then, or each takes long.
SOON = 0.0005


class Outbox:
    """The answers of one event loop that wait for the end of its turn."""

    def __init__(self) -> None:
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []
        self._last = 0.0
        self._is_flush_due = False

    def add(self, transport: asyncio.Transport, answer: bytes) -> None:
        """Write ``answer``; or let it wait for those that follow in this turn, if one was written just now."""
        self._waiting.append((transport, answer))
        now = monotonic()
        if now - self._last > SOON or len(self._waiting) >= MOST:
            self.flush()
        elif not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._last = now

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for transport, answer in waiting:
                if not transport.is_closing():  # its client has left
                    transport.write(answer)

    def _end_turn(self) -> None:
        self._is_flush_due = False
        self.flush()


_outboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, Outbox] = WeakKeyDictionary()


def outbox_of(loop: asyncio.AbstractEventLoop) -> Outbox:
    """The one of the loop."""
    return _outboxes.setdefault(loop, Outbox())


class Outlet:
    """A transport with :meth:`write_answer`. Whatever else it is asked finds that written: nothing overtakes."""

    def __init__(self, transport: asyncio.Transport, outbox: Outbox, requests: Collection[object]) -> None:
        self.behind = transport
        self.flush = outbox.flush
        self._outbox = outbox
        #: Those that the server is at work on.
        self._requests = requests
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write_answer(self, answer: bytes) -> None:
        """Write all of an answer, together with others if there may be some."""
        if len(self._requests) > 1:
            self._outbox.add(self.behind, answer)
        else:
            self.write(answer)

    def write(self, data: bytes) -> None:
        self.flush()
        self.behind.write(data)

    def __getattr__(self, name: str) -> Any:
        self.flush()
        return getattr(self.behind, name)
