"""The async lane: the view on the event loop, sync pieces on one thread of the request's own.

Flask's request cycle is cut in three: what comes before the view, the view, and what comes after. The first and the
last run on the loop if every piece of them is async. If one of them is sync, that whole part runs on the request's
thread, as Flask wrote it: any number of sync hooks cost one hop before the view and one after it.

What cannot be cut are methods that enclose the view. An application that overrides ``wsgi_app``,
``full_dispatch_request`` or ``dispatch_request`` gets Flask's cycle whole, on a thread, and its async views are
awaited on the loop from there (see ``WebServer.encloses_views``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)
from werkzeug.exceptions import HTTPException

from ..callables import is_async
from ..gateway.answer import Answer
from ..gateway.start_response import StartResponse
from ..signals import is_heard
from ..upstream import begin_serving, bind_executor, find_error_handler, is_complete
from .cycle import Cycle, at_work
from .hop import drive, hop
from .plain import plain_response

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from flask.typing import ResponseReturnValue
    from flask.wrappers import Response

    from ..exchange import Exchange, Thread
    from ..webserver import WebServer
    from .plan import Plan


T = TypeVar("T")

#: In place of what a view returns: none was called.
REROUTED = object()


def run_async_lane(app: WebServer, exchange: Exchange) -> Coroutine[Any, Any, tuple[Answer, Thread]]:
    """The answer of an async view, and the thread of the request's sync pieces."""
    assert exchange.plan is not None
    return AsyncCycle(app, exchange, exchange.plan, exchange.thread_for(app, own=True)).run()


class AsyncCycle(Cycle):
    """A cycle whose view runs on the loop, and its other pieces too if all of them are async."""

    on_thread = False

    def __init__(self, app: WebServer, exchange: Exchange, plan: Plan, thread: Thread) -> None:
        super().__init__(app, exchange, plan, thread)
        self.context = exchange.context

    async def run(self) -> tuple[Answer, Thread]:
        """What :func:`run_async_lane` promises."""
        rv: Any = None
        failure: Exception | None = None
        try:
            try:
                if not self.needs_thread_before():
                    rv = await drive(self.before_and_view_on_loop(), self.context)
                    if type(rv) is Answer:
                        return rv, self.thread
                else:
                    self.context.run(bind_executor, self.thread)
                    rv = await self.hop(self.before)
                    if rv is None:
                        rv = await drive(self.call_view(), self.context)
                if rv is REROUTED:
                    rv = await self.hop(self.reroute)
            except Exception as error:
                failure = error
            return await self.finish(rv, failure), self.thread
        except BaseException as error:
            if not isinstance(error, Exception):
                await self.give_up(error)
            self.abandon()
            raise
        finally:
            failure = None  # a traceback holds this frame, and this frame the exception

    def abandon(self) -> None:
        """Leave the thread, which may still be at work on the answer, and cannot be interrupted: see run_sync_lane."""
        exchange = self.exchange
        exchange.abandoned = True
        if exchange.answer is not None:
            self.thread.submit(exchange.context.run, exchange.answer.close)
        self.thread.release()

    async def hop(self, func: Callable[..., T], *args: Any) -> T:
        self.on_thread = True
        result = await hop(self.thread, self.context, at_work, self.app, self.exchange, func, *args)
        self.on_thread = False
        return result

    # Before the view.

    def needs_thread_before(self) -> bool:
        return bool(
            self.plan.needs_thread_before
            or self.request_context.is_unconverted
            or is_heard(self.app, request_started, appcontext_pushed)
        )

    async def before_and_view_on_loop(self) -> Any:
        """What the view has returned; or the answer, where nothing is left to be done but to leave."""
        ctx, plan = self.request_context, self.plan
        bind_executor(self.thread)
        ctx.push_lazily()
        begin_serving(self.app)
        rv: Any
        for func in plan.before:
            rv = await func()
            if rv is not None:
                return rv
        rv = await self.call_view() if plan.before else await self.begin_view()
        if not ctx.leaves_at_once:
            return rv
        try:
            answer = self.plainly(rv)
        except Exception:
            return rv  # It is no failure of the view's: finalize_on_loop raises it where it is handled.
        if type(answer) is not Answer:
            return rv
        self.left = True
        if self.exchange.keeps_contexts is not None:
            self.preserve()
        ctx.pop_at_once()
        return answer

    def begin_view(self) -> Coroutine[Any, Any, ResponseReturnValue]:
        """What is to be awaited for the view. Called in the request's context, as the view itself."""
        ctx, view = self.request_context, self.plan.view
        if self.plan.is_coroutine_function:
            coroutine: Coroutine[Any, Any, ResponseReturnValue] = view(**ctx.view_args)
            return coroutine
        return ctx.await_call(view, **ctx.view_args)

    async def call_view(self) -> Any:
        """What the view returns; or ``REROUTED``, if a function before it has found another one."""
        return REROUTED if self.is_rerouted else await self.begin_view()

    # After the view.

    async def finish(self, rv: ResponseReturnValue | None, failure: Exception | None) -> Answer:
        if self.push_failed or self.needs_thread_after() or (failure is not None and self.needs_thread_for(failure)):
            return await self.hop(self.after, rv, failure)
        if failure is not None:
            try:
                rv = await drive(self.handle_on_loop(failure), self.context)
            except Exception as error:
                return await self.hop(self.after, None, error)
        try:
            response = await drive(self.finalize_on_loop(cast("ResponseReturnValue", rv)), self.context)
        except Exception as error:
            # Flask's handle_exception logs, signals, and may call sync handlers.
            return await self.hop(self.fail, error)
        return await self.finish_on_loop(response)

    def needs_thread_after(self) -> bool:
        return bool(
            self.plan.needs_thread_after
            or is_heard(self.app, request_finished, request_tearing_down, appcontext_tearing_down, appcontext_popped)
            or not all(map(is_async, self.request_context._after_request_functions))
        )

    def needs_thread_for(self, failure: Exception) -> bool:
        """Whether handling ``failure`` runs sync code of the user's, or ends as an unhandled exception."""
        app = self.app
        if self.plan.around.overrides_errors:
            return True
        handler = find_error_handler(app, failure, [name for name in reversed(self.plan.names) if name is not None])
        if handler is None:
            return not isinstance(failure, HTTPException) or app.trap_http_exception(failure)
        return not is_async(handler)

    async def handle_on_loop(self, failure: Exception) -> Any:
        try:
            raise failure
        except Exception as error:
            return self.handled(error, await self.request_context.await_call(self.app.handle_user_exception, error))
        finally:
            del failure  # a traceback holds this frame, and this frame the exception

    async def finalize_on_loop(self, rv: ResponseReturnValue) -> Response | Answer:
        """``finalize_request`` where every function is async, and then the end of the contexts if all is there."""
        ctx, plan = self.request_context, self.plan
        done = self.plainly(rv)
        if type(done) is Answer:
            if ctx.leaves_at_once:
                self.leave(None)
            else:
                await self.leave_on_loop()
        if done is not None:
            return done
        response = plain_response(self.app, rv, plan.around)
        for func in ctx._after_request_functions:
            response = await cast("Any", func)(response)
        for func in plan.after:
            response = await func(response)
        ctx.save_session(response)
        return response

    async def finish_on_loop(self, response: Response | Answer) -> Answer:
        if type(response) is Answer:
            return response
        start_response = StartResponse()
        try:
            answer = self.context.run(start_response.begin, cast("Response", response), self.exchange)
        finally:
            if self.request_context.leaves_at_once:
                self.context.run(self.leave, None)
            else:
                await drive(self.leave_on_loop(), self.context)
        if answer is not None:
            return answer
        if is_complete(cast("Response", response).response) or start_response.is_async:
            return self.context.run(start_response.answer_begun)
        return await self.hop(self.take, start_response)

    def take(self, start_response: StartResponse) -> Answer:
        return self.kept(start_response.answer_begun())

    async def leave_on_loop(self) -> None:
        self.left = True
        self.preserve()
        await self.request_context.pop_async(None)

    async def give_up(self, error: BaseException) -> None:
        """Teardown for what is no Exception: a cancelled request, an exit."""
        if self.on_thread or self.needs_thread_after():
            # Behind what the thread may still be doing for this request, in its context.
            await hop(self.thread, self.context, self.pop_on_thread, error)
        elif self.request_context._cv_tokens and not self.left:
            await drive(self.request_context.pop_async(error), self.context)

    def pop_on_thread(self, error: BaseException) -> None:
        # Once it has been left, what is pushed belongs to a stream_with_context.
        if self.request_context._cv_tokens and not self.left:
            self.request_context.pop(error)
