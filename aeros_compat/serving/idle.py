"""Closing a connection on which nothing comes any more: one timer for all of its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class IdleTimer:
    """Calls ``close`` when nobody has said :meth:`stop` for ``seconds`` after :meth:`start`.

    uvicorn starts a timer of the loop's after each answer and cancels it before the next request. On a busy connection
    that is two calls into the loop for each request; here it is a look at the clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, close: Callable[[], object]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._close = close
        self._end: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def since(self) -> float | None:
        """How many seconds the connection has been idle; None if it is not."""
        return None if self._end is None else self._loop.time() - self._end + self._seconds

    def start(self) -> None:
        """The connection is idle from now on."""
        self._end = self._loop.time() + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look)

    def stop(self) -> None:
        """It is not idle any more."""
        self._end = None

    def cancel(self) -> None:
        """There is nothing to be closed any more, and there will not be."""
        self._end = None
        self._close = _nothing  # or the connection, which has this timer, would know itself
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._end is None:
            return
        left = self._end - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._close()


def _nothing() -> None:
    """There is nothing to be closed."""
