"""Flask's request cycle in pieces, as they are called on a thread.

``wsgi_app`` and ``full_dispatch_request`` of Flask's are one piece; here they are cut before and after the view, so
that it can run somewhere else. The pieces do what Flask's methods do, in their order, and call these methods wherever
somebody has one of his own (see :mod:`.around`).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from flask.signals import request_finished, request_started

from ..gateway.answer import Answer
from ..gateway.complete import complete_answer
from ..gateway.start_response import StartResponse
from ..signals import is_heard
from ..upstream import begin_serving, flask_app_var, flask_request_var
from .lazy_context import LazyRequestContext
from .plain import plain_answer, plain_response
from .plan import NO_ENDPOINT, plan_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue
    from flask.wrappers import Response

    from ..exchange import Exchange, Thread
    from ..webserver import WebServer
    from .plan import Plan

T = TypeVar("T")


class Cycle:
    """One request on its way through Flask's cycle."""

    push_failed = False
    left = False
    #: The response that the session has been saved in, on the short way.
    saved: Response | None = None

    def __init__(self, app: WebServer, exchange: Exchange, plan: Plan, thread: Thread) -> None:
        self.app = app
        self.exchange = exchange
        self.plan = plan
        self.thread = thread
        self.request_context = LazyRequestContext(app, exchange, plan)

    def whole(self) -> Answer:
        """The cycle of a sync view."""
        rv: ResponseReturnValue | None = None
        failure: Exception | None = None
        try:
            rv = self.before()
            if rv is None:
                rv = self.dispatch()
        except Exception as error:
            failure = error
        except BaseException as fatal:
            self.leave(fatal)
            raise
        try:
            return self.after(rv, failure)
        finally:
            failure = None  # a traceback holds this frame, and this frame the exception

    def before(self) -> ResponseReturnValue | None:
        """The beginning of ``wsgi_app`` and ``full_dispatch_request``, up to the view."""
        app, plan, ctx = self.app, self.plan, self.request_context
        try:
            ctx.push()
        except Exception:
            self.push_failed = True
            raise
        begin_serving(app)
        if is_heard(app, request_started):
            request_started.send(app, _async_wrapper=app.ensure_sync)
        rv: ResponseReturnValue | None
        if plan.has_preprocessors or not plan.around.is_flasks:
            rv = app.preprocess_request()
        else:
            for func in plan.sync_before:
                rv = func()
                if rv is not None:
                    return rv
            rv = None
        return rv

    def dispatch(self) -> ResponseReturnValue:
        """``dispatch_request``."""
        if self.is_rerouted:
            return self.reroute()
        rv: ResponseReturnValue = self.app.awaited(self.plan.sync_view(**self.request_context.view_args))
        return rv

    @property
    def is_rerouted(self) -> bool:
        """Whether what came before the view has changed the request, or the application."""
        plan = self.plan
        return self.request_context.is_rerouted or (
            plan.calls_before and not (plan.around.is_untouched(self.app) and plan.is_current(self.app))
        )

    def reroute(self) -> ResponseReturnValue:
        """Flask's ``dispatch_request``, for which all is as it stands now; so it is for what comes after the view."""
        app, ctx, planned = self.app, self.request_context, self.plan
        request = ctx.request
        now = plan_for(app, app.around, planned.endpoint, request.method)
        for func, call in zip(now.before, now.sync_before, strict=True):
            # One that another has added is called in the same request, because Flask goes through the list itself.
            if func not in planned.before and (rv := call()) is not None:
                break
        else:
            rv = None
        self.plan = plan_for(app, now.around, request.endpoint or NO_ENDPOINT, request.method)
        ctx.follow(self.plan)
        return app.dispatch_request() if rv is None else rv

    def after(self, rv: Any, failure: Exception | None) -> Answer:
        """The end of ``full_dispatch_request`` and of ``wsgi_app``, for what the view has returned, or raised."""
        if failure is not None and self.push_failed:
            # Outside of full_dispatch_request: no handler of the user's is asked, the answer is a 500.
            return self.fail(failure)
        app = self.app
        error: BaseException | None = None
        response: Any
        start_response = StartResponse()
        try:
            try:
                if failure is not None:
                    rv = self.handle(failure)
                response = self.finalize(rv)
            except Exception as unhandled:
                error = unhandled
                response = app.handle_exception(unhandled)
            except BaseException as fatal:
                error = fatal
                raise
            answer = response if type(response) is Answer else start_response.begin(response, self.exchange)
        finally:
            self.leave(error)
            # A traceback holds this frame, and this frame the exception, which may be what is answered, too.
            rv = error = failure = None
        return self.kept(answer or start_response.answer_begun())

    def handle(self, failure: Exception) -> ResponseReturnValue:
        """The ``except`` of ``full_dispatch_request``."""
        try:
            raise failure
        except Exception as error:
            return self.handled(error, self.app.handle_user_exception(error))
        finally:
            del failure  # a traceback holds this frame, and this frame the exception

    def handled(self, error: Exception, rv: T) -> T:
        """``rv``, which is the answer to ``error``. Of one that the match has kept nobody needs the traceback now.

        It knows the request by it, which knows the match.
        """
        match = self.exchange.match
        if match is not None and error is match.exception:
            error.__traceback__ = None
        return rv

    def fail(self, failure: Exception) -> Answer:
        """The ``except Exception`` of ``wsgi_app``, and what follows it."""
        start_response = StartResponse()
        try:
            try:
                raise failure
            except Exception as error:
                response = self.app.handle_exception(error)
            answer = start_response.begin(response, self.exchange)
        finally:
            self.leave(failure)
            del failure
        return self.kept(answer or start_response.answer_begun())

    def finalize(self, rv: ResponseReturnValue) -> Response | Answer:
        """``finalize_request`` and ``process_response``."""
        app, plan, ctx = self.app, self.plan, self.request_context
        if not plan.around.is_flasks:
            return app.finalize_request(rv)
        done = self.plainly(rv)
        if done is not None:
            return done
        response = plain_response(app, rv, plan.around)
        for func in ctx._after_request_functions:
            response = app.ensure_sync(func)(response)
        for func in plan.sync_after:
            response = func(response)
        ctx.save_session(response)
        if is_heard(app, request_finished):
            request_finished.send(app, _async_wrapper=app.ensure_sync, response=response)
        return response

    def plainly(self, rv: ResponseReturnValue) -> Answer | Response | None:
        """What is sent for ``rv``, if nobody looks at it but who saves the session; None if somebody does.

        A response is returned where it has to be called.
        """
        ctx, plan = self.request_context, self.plan
        if not plan.answers_plainly or not ctx.is_processed_by_nobody:
            return None
        if ctx.session_untouched:
            return plain_answer(self.app, rv, plan.around)
        if self.saved is None:
            response = plain_response(self.app, rv, plan.around)
            ctx.save_session(response)
            self.saved = response
        return complete_answer(self.saved) or self.saved

    def kept(self, answer: Answer) -> Answer:
        """``answer``, with the thread of this request kept if it needs it."""
        return keep_for(answer, self.exchange, self.thread)

    def leave(self, error: BaseException | None) -> None:
        """The ``finally`` of ``wsgi_app``."""
        self.left = True
        self.preserve()
        ctx = self.request_context
        if error is not None and self.app.should_ignore_error(error):
            error = None
        if error is None and ctx.leaves_at_once and ctx._cv_tokens:
            ctx.pop_at_once()
        elif ctx._cv_tokens:
            ctx.pop(error)

    def preserve(self) -> None:
        """Hand the contexts to a test client that wants to keep them, where Flask's ``wsgi_app`` does."""
        keep = self.exchange.keeps_contexts
        if keep is not None:
            keep(flask_app_var.get())
            keep(flask_request_var.get())


def keep_for(answer: Answer, exchange: Exchange, thread: Thread) -> Answer:
    """``answer``, with the current thread kept if it needs it to be sent or closed."""
    if answer.chunks is not None or answer.needs_close:
        thread.keep()
        exchange.answer = answer
        if exchange.abandoned:
            try:
                answer.close()
            finally:
                thread.release()
    return answer


def at_work(app: WebServer, exchange: Exchange, func: Callable[..., T], *args: Any) -> T:
    """Call ``func``, and have it known meanwhile which thread works for the request."""
    exchange.ident = threading.get_ident()
    try:
        return func(*args)
    finally:
        del args  # an exception that is handled inside holds this frame, and may be one of them
        exchange.ident = None
        if app.overdue:
            app.overdue.discard(exchange)
