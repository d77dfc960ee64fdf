"""Websockets with an async view: Quart's own cycle on the event loop, inside contexts of both frameworks.

Quart's methods are used as they are. They send sync hooks and handlers through ``Core.sync_to_async``, which runs them
on one thread of the websocket's own. That thread is taken when the first of them comes and held for as long as the
websocket lasts: what one hook keeps in a ``threading.local``, another finds again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flask.signals import appcontext_popped, appcontext_pushed
from quart.wrappers import Response as QuartResponse
from werkzeug.wrappers import Response as WerkzeugResponse

from ..gateway.reply import Reply
from ..upstream import begin_serving, bind_executor, quart_websocket_var, response_closes_nothing
from ..websocket_context import WebsocketContext
from .hop import drive, hop

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from flask.wrappers import Response

    from ..exchange import Thread
    from ..handshake import Handshake
    from ..quart_side.core import Core
    from ..webserver import WebServer


async def run_websocket_lane(app: WebServer, handshake: Handshake) -> Reply | None:
    """Call the view of a websocket. The result is what to answer if it has not accepted."""
    context, thread = handshake.context, app.websocket_threads.lease()
    context.run(bind_executor, cast("Executor", thread))
    ctx = context.run(WebsocketContext, app, handshake.environ)
    on_thread = _needs_thread(app, handshake)
    failure: BaseException | None = None
    try:
        if on_thread:
            await hop(thread, context, ctx.push)
        else:
            context.run(ctx.push)
        return await drive(run_quarts_cycle(app.core, ctx), context)
    except BaseException as error:
        failure = error
        raise
    finally:
        try:
            await _leave(ctx, thread, failure or ctx.failure, on_thread=on_thread)
        finally:
            thread.release()
            failure = ctx.failure = None  # a traceback holds this frame, and this frame the exception


def _needs_thread(app: WebServer, handshake: Handshake) -> bool:
    """Whether opening and closing the contexts runs sync code of the user's."""
    return (
        appcontext_pushed.has_receivers_for(app)
        or appcontext_popped.has_receivers_for(app)
        or handshake.match is None
        or handshake.match.unconverted
        or not app.opens_sessions_cheaply
    )


async def _leave(ctx: WebsocketContext, thread: Thread, failure: BaseException | None, *, on_thread: bool) -> None:
    if on_thread:
        # Behind a push that the thread may still be doing.
        await hop(thread, cast("Handshake", ctx.exchange).context, _pop, ctx, failure)
    elif ctx._cv_tokens:
        await drive(ctx.pop_async(failure), cast("Handshake", ctx.exchange).context)


def _pop(ctx: WebsocketContext, failure: BaseException | None) -> None:
    if ctx._cv_tokens:
        ctx.pop(failure)


async def run_quarts_cycle(core: Core, ctx: WebsocketContext) -> Reply | None:
    """What Quart does inside the context of a websocket, in the task that is cancelled when the client leaves."""
    ctx.in_quarts_cycle = True
    begin_serving(core.server)
    with ctx.connection.cancelling_when_left():
        try:
            response = await core.full_dispatch_websocket(quart_websocket_var.get())
        except Exception as error:
            ctx.failure = error
            response = await core.handle_websocket_exception(error)
        return None if response is None else await _reply(core, ctx, response)


async def _reply(core: Core, ctx: WebsocketContext, response: Any) -> Reply:
    if isinstance(response, QuartResponse):
        return Reply(response.status_code, list(response.headers), await response.get_data(as_text=False))
    environ = ctx.request.environ
    if (
        response.is_sequence
        and type(response).__call__ is WerkzeugResponse.__call__
        and response_closes_nothing(response)
    ):
        return Reply.of_wsgi(response, environ)  # no code of the user's is in it
    reply: Reply = await core.sync_to_async(Reply.of_wsgi)(response, environ)
    return reply


def run_quarts_cycle_from_thread(app: WebServer, ctx: WebsocketContext) -> Response:
    """The same from inside Flask's cycle, where WSGI middleware, say, stands around it."""
    reply: Reply | None = app.async_to_sync(run_quarts_cycle)(app.core, ctx)
    if reply is None:
        return app.response_class(status=101)
    return app.response_class(reply.body, status=reply.status, headers=reply.headers)
