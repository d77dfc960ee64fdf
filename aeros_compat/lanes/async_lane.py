"""The async lane: the view on the event loop, sync pieces on one thread of the request's own.

Flask's request cycle is cut in three: what comes before the view, the view, and what comes after. The first and the
last run on the loop if every piece of them is async. If one of them is sync, that whole part runs on the request's
thread, as Flask wrote it: any number of sync hooks cost one hop before the view and one after it.

What cannot be cut are methods that enclose the view. An application that overrides ``wsgi_app``,
``full_dispatch_request`` or ``dispatch_request`` gets Flask's cycle whole, on a thread, and its async views are
awaited on the loop from there (see ``WebServer.encloses_views``).
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

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
from ..context import LazyRequestContext
from ..gateway.answer import Answer, AsyncBytes
from ..gateway.start_response import StartResponse
from ..upstream import begin_serving, bind_executor, find_error_handler, flask_app_var, flask_request_var
from .hop import drive, hop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor

    from flask.typing import ResponseReturnValue
    from flask.wrappers import Response

    from ..exchange import Exchange, Thread
    from ..webserver import WebServer


P = ParamSpec("P")
T = TypeVar("T")


async def run_async_lane(app: WebServer, exchange: Exchange) -> tuple[Answer, Thread]:
    """The answer of an async view, and the thread of the request's sync pieces."""
    cycle = _Cycle(app, exchange)
    try:
        return await cycle.run(), cycle.thread
    except BaseException:
        # A thread that still works on the answer cannot be interrupted: see run_sync_lane.
        exchange.abandoned = True
        if exchange.answer is not None:
            cycle.thread.submit(exchange.context.run, exchange.answer.close)
        cycle.thread.release()
        raise


class _Cycle:
    """One request in the async lane."""

    def __init__(self, app: WebServer, exchange: Exchange) -> None:
        self.app = app
        self.exchange = exchange
        self.context = exchange.context
        self.thread = exchange.thread_for(app, own=True)
        self.request_context = LazyRequestContext(app, exchange)
        self.on_thread = False
        self.push_failed = False
        self.left = False
        assert exchange.match is not None
        assert exchange.match.rule is not None
        self.match = exchange.match
        self.rule = exchange.match.rule
        self.names = _names_of(self.rule.endpoint)

    async def run(self) -> Answer:
        rv: ResponseReturnValue | None = None
        failure: Exception | None = None
        self.context.run(bind_executor, cast("Executor", self.thread))
        try:
            if self.needs_thread_before():
                rv = await self.hop(self.before_on_thread)
                if rv is None:
                    rv = await drive(self.call_view(), self.context)
            else:
                rv = await drive(self.before_and_view_on_loop(), self.context)
        except Exception as error:
            failure = error
        except BaseException as error:
            await self.give_up(error)
            raise
        try:
            return await self.finish(rv, failure)
        except Exception:
            raise
        except BaseException as error:
            await self.give_up(error)
            raise
        finally:
            failure = None  # a traceback holds this frame, and this frame the exception

    async def hop(self, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.on_thread = True
        result = await hop(self.thread, self.context, func, *args, **kwargs)
        self.on_thread = False
        return result

    # Before the view.

    def needs_thread_before(self) -> bool:
        app = self.app
        return (
            request_started.has_receivers_for(app)
            or appcontext_pushed.has_receivers_for(app)
            or self.match.unconverted
            or app.overrides("preprocess_request")
            or not app.opens_sessions_cheaply
            or any(app.url_value_preprocessors.get(name) for name in self.names)
            or not _all_async(app.before_request_funcs, self.names)
        )

    def before_on_thread(self) -> ResponseReturnValue | None:
        """The beginning of ``wsgi_app`` and ``full_dispatch_request``, as Flask has it."""
        try:
            self.request_context.push()
        except Exception:
            self.push_failed = True
            raise
        begin_serving(self.app)
        request_started.send(self.app, _async_wrapper=self.app.ensure_sync)
        rv = self.app.preprocess_request()
        if rv is None and self.request_context.request.routing_exception is not None:
            self.app.raise_routing_exception(self.request_context.request)
        return rv

    async def before_and_view_on_loop(self) -> ResponseReturnValue:
        self.request_context.push_lazily()
        begin_serving(self.app)
        for name in self.names:
            for func in self.app.before_request_funcs.get(name, ()):
                rv = await cast("Any", func)()
                if rv is not None:
                    return cast("ResponseReturnValue", rv)
        return await self.call_view()

    async def call_view(self) -> ResponseReturnValue:
        view = self.app.view_functions[self.rule.endpoint]
        match = self.match
        view_args: Any = self.request_context.request.view_args if match.unconverted else match.view_args
        return cast("ResponseReturnValue", await self.request_context.await_call(view, **view_args))

    # After the view.

    async def finish(self, rv: ResponseReturnValue | None, failure: Exception | None) -> Answer:
        if failure is not None and self.push_failed:
            # Outside of full_dispatch_request: no handler of the user's is asked, the answer is a 500.
            return await self.hop(self.fail_on_thread, failure)
        if self.needs_thread_after() or (failure is not None and self.needs_thread_for(failure)):
            return await self.hop(self.rest_of_wsgi_app, rv, failure)
        if failure is not None:
            try:
                rv = await drive(self.handle_on_loop(failure), self.context)
            except Exception as error:
                return await self.hop(self.rest_of_wsgi_app, None, error)
        return await self.finish_on_loop(rv)

    def needs_thread_after(self) -> bool:
        app = self.app
        return (
            request_finished.has_receivers_for(app)
            or request_tearing_down.has_receivers_for(app)
            or appcontext_tearing_down.has_receivers_for(app)
            or appcontext_popped.has_receivers_for(app)
            or app.overrides(
                "make_response",
                "finalize_request",
                "process_response",
                "do_teardown_request",
                "do_teardown_appcontext",
                "should_ignore_error",
            )
            or (not app.opens_sessions_cheaply)
            or not all(map(is_async, self.request_context._after_request_functions))
            or not _all_async(app.after_request_funcs, self.names)
            or not _all_async(app.teardown_request_funcs, self.names)
            or not all(map(is_async, app.teardown_appcontext_funcs))
        )

    def needs_thread_for(self, failure: Exception) -> bool:
        """Whether handling ``failure`` runs sync code of the user's, or ends as an unhandled exception."""
        app = self.app
        if app.overrides("handle_user_exception", "handle_http_exception", "trap_http_exception"):
            return True
        handler = find_error_handler(app, failure, [name for name in reversed(self.names) if name is not None])
        if handler is None:
            return not isinstance(failure, HTTPException) or app.trap_http_exception(failure)
        return not is_async(handler)

    def rest_of_wsgi_app(self, rv: ResponseReturnValue | None, failure: Exception | None) -> Answer:
        """The end of ``full_dispatch_request`` and of ``wsgi_app``, as Flask has it."""
        app = self.app
        error: BaseException | None = None
        start_response = StartResponse()
        try:
            try:
                if failure is not None:
                    rv = self.handle_on_thread(failure)
                response = app.finalize_request(cast("ResponseReturnValue", rv))
            except Exception as unhandled:
                error = unhandled
                response = app.handle_exception(unhandled)
            except BaseException as fatal:
                error = fatal
                raise
            iterable = response(self.exchange.environ, start_response)
        finally:
            self.leave_on_thread(error)
        return self.answer_on_thread(start_response, iterable)

    def handle_on_thread(self, failure: Exception) -> ResponseReturnValue:
        try:
            raise failure
        except Exception as error:
            return self.app.handle_user_exception(error)

    def leave_on_thread(self, error: BaseException | None) -> None:
        self.left = True
        self.preserve()
        if error is not None and self.app.should_ignore_error(error):
            error = None
        if self.request_context._cv_tokens:
            self.request_context.pop(error)

    def answer_on_thread(self, start_response: StartResponse, iterable: Iterable[bytes]) -> Answer:
        answer = start_response.answer(iterable)
        self.thread.keep()
        self.exchange.answer = answer
        if self.exchange.abandoned:
            answer.close()
        return answer

    async def handle_on_loop(self, failure: Exception) -> ResponseReturnValue:
        try:
            raise failure
        except Exception as error:
            rv = await self.request_context.await_call(self.app.handle_user_exception, error)
            return cast("ResponseReturnValue", rv)

    async def finish_on_loop(self, rv: ResponseReturnValue | None) -> Answer:
        try:
            response = await drive(self.process_on_loop(rv), self.context)
        except Exception as error:
            # Flask's handle_exception logs, signals, and may call sync handlers.
            return await self.hop(self.fail_on_thread, error)
        start_response = StartResponse()
        try:
            iterable = self.context.run(response, self.exchange.environ, start_response)
        finally:
            await drive(self.leave_on_loop(), self.context)
        if response.is_sequence or isinstance(iterable, AsyncBytes):
            return self.context.run(start_response.answer, iterable)
        return await self.hop(self.answer_on_thread, start_response, iterable)

    def fail_on_thread(self, failure: Exception) -> Answer:
        """The ``except Exception`` of ``wsgi_app``, and what follows it."""
        start_response = StartResponse()
        try:
            try:
                raise failure
            except Exception as error:
                response = self.app.handle_exception(error)
            iterable = response(self.exchange.environ, start_response)
        finally:
            self.leave_on_thread(failure)
        return self.answer_on_thread(start_response, iterable)

    async def leave_on_loop(self) -> None:
        self.left = True
        self.preserve()
        await self.request_context.pop_async(None)

    async def process_on_loop(self, rv: ResponseReturnValue | None) -> Response:
        """``finalize_request`` where every function is async."""
        ctx = self.request_context
        response = self.app.make_response(cast("ResponseReturnValue", rv))
        for func in ctx._after_request_functions:
            response = await cast("Any", func)(response)
        for name in reversed(self.names):
            for func in reversed(self.app.after_request_funcs.get(name, ())):
                response = await cast("Any", func)(response)
        if not ctx.session_untouched:
            session = cast("Any", ctx._session)
            if not self.app.session_interface.is_null_session(session):
                self.app.session_interface.save_session(self.app, session, response)
        return response

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

    def preserve(self) -> None:
        """Hand the contexts to a test client that wants to keep them, where Flask's ``wsgi_app`` does."""
        keep = self.exchange.keeps_contexts
        if keep is not None:
            keep(flask_app_var.get())
            keep(flask_request_var.get())


def _names_of(endpoint: str) -> tuple[str | None, ...]:
    """The keys of the hook registries for an endpoint: the application's, then its blueprints', outermost first."""
    blueprint = endpoint.rpartition(".")[0]
    if not blueprint:
        return (None,)
    parts = blueprint.split(".")
    return (None, *(".".join(parts[: count + 1]) for count in range(len(parts))))


def _all_async(registry: dict[Any, list[Any]], names: tuple[str | None, ...]) -> bool:
    return all(map(is_async, chain.from_iterable(registry.get(name, ()) for name in names)))
