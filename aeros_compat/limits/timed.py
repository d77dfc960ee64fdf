"""A request that may take only so long."""

from __future__ import annotations

import asyncio
import sys
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any

from ..frames import summary, without_machinery
from .limits import took_too_long

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..exchange import Exchange, Thread
    from ..gateway.answer import Answer
    from ..webserver import WebServer


async def within(
    seconds: float,
    app: WebServer,
    exchange: Exchange,
    answering: Coroutine[Any, Any, tuple[Answer, Thread]],
) -> tuple[Answer, Thread]:
    """What ``answering`` gives, or 504 when its time is over.

    The client does not wait for what is left to be done: a thread cannot be interrupted, nor can the teardown of an
    async view wait for anything but the thread that its hooks run on.
    """
    task = asyncio.ensure_future(answering)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        _leave(task, exchange)
        raise
    if done:
        return task.result()
    task.cancel()
    task.add_done_callback(partial(_leave, exchange=exchange))
    _log(app, exchange, seconds)
    return took_too_long(app, exchange)


def _leave(task: asyncio.Task[tuple[Answer, Thread]], exchange: Exchange) -> None:
    """Give back what a request has made whose time was over."""
    if task.cancelled() or task.exception() is not None:
        return  # it has given back everything itself
    answer, thread = task.result()
    if answer.needs_close:
        thread.submit(exchange.context.run, answer.close)
    thread.release()


def _log(app: WebServer, exchange: Exchange, seconds: float) -> None:
    # In this order: the thread takes itself off the list when it is done.
    app.overdue.add(exchange)
    where = _stack_of(exchange.ident)
    if not where:
        app.overdue.discard(exchange)
    app.logger.error(
        "%s %r took more than %g s and was answered with 504. %s",
        exchange.scope["method"],
        exchange.scope["path"],
        seconds,
        f"Its thread is still at work, here:\n{where}" if where else "It has been cancelled.",
    )


def _stack_of(ident: int | None) -> str:
    """Where a thread is, from the user's code on; empty if it has no work of the request's any more."""
    frames = sys._current_frames()
    try:
        frame = frames.get(ident) if ident is not None else None
        if frame is None:
            return ""
        stack = [frame for frame, _ in traceback.walk_stack(frame)][::-1]
        return "".join(traceback.format_list(without_machinery(summary(stack)))).rstrip()
    finally:
        frames.clear()  # or this call's own would keep itself, and everybody's variables
