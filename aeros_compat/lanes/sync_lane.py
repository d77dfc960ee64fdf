"""The sync lane: Flask's whole request cycle in one hop, on one thread.

One hop is what makes it fast. One thread is what makes it right: a ``sqlite3`` connection that a view opens and
``teardown_appcontext`` closes must meet the same thread.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..gateway.environ import EXCHANGE
from ..gateway.start_response import StartResponse
from .cycle import Cycle, at_work, keep_for
from .hop import hop

if TYPE_CHECKING:
    from ..exchange import Exchange, Thread
    from ..gateway.answer import Answer
    from ..webserver import WebServer


async def run_sync_lane(app: WebServer, exchange: Exchange) -> tuple[Answer, Thread]:
    """The answer of Flask's cycle, and the thread on which what is left of it has to be advanced and closed."""
    thread = exchange.thread_for(app, own=False)
    try:
        return await hop(thread, exchange.context, at_work, app, exchange, _answer, app, exchange, thread), thread
    except asyncio.CancelledError:
        # The thread cannot be interrupted. Whoever comes second, it or this task, closes what it has made.
        exchange.abandoned = True
        if exchange.answer is not None:
            thread.submit(exchange.context.run, exchange.answer.close)
            thread.release()
        raise


def _answer(app: WebServer, exchange: Exchange, thread: Thread) -> Answer:
    if exchange.plan is not None:
        return Cycle(app, exchange, exchange.plan, thread).whole()
    start_response, mount, environ = StartResponse(), exchange.mount, exchange.environ
    if mount is not None and (exchange.around or app.around).calls_mounts_directly:
        del environ[EXCHANGE]  # the mounted application may be a WebServer, which has one of its own
        iterable = mount.enter(environ, start_response)
    else:
        iterable = app.call_wsgi(environ, start_response)
    answer = start_response.answer(iterable)
    return keep_for(answer, exchange, thread)
