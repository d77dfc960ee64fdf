"""Werkzeug's interactive debugger, through the ASGI server.

It is Werkzeug's own ``DebuggedApplication``, a piece of WSGI middleware, with two things around it. An exception that
comes out of the application is raised again inside of it, with the frames that it has come from; and what its page asks
for (scripts, the PIN, the evaluation of an expression in a frame) is handed to it as WSGI, on a thread.
"""

from __future__ import annotations

import contextvars
import io
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import click
from werkzeug.debug import DebuggedApplication
from werkzeug.serving import is_running_from_reloader
from werkzeug.wrappers import Request, Response

from ..exchange import KEEP_CONTEXTS
from ..gateway.answer import Answer, fit_for_asgi
from ..gateway.environ import ENVIRON_KEYS, environ_from_scope, path_info
from ..lanes.hop import hop
from .tracebacks import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..types import ASGIApp, Message, Receive, Scope, Send
    from ..webserver import WebServer

#: Where the debugger finds the failure in the environ that it is called with.
FAILURE = "aeros_compat.failure"


def with_debugger(app: WebServer, *, host: str | None, evalex: bool = True, workers: int = 1) -> ASGIApp:
    """``app`` with the debugger around it, or, where that cannot be, ``app`` itself.

    It can be in one process only: the frames that a page shows live in the process that has failed, and any of several
    could get the page's next request.

    :param host: where the server listens: a host that may ask the debugger, next to those of this machine. None for a
        Unix socket.
    :param evalex: whether expressions can be evaluated in the frames.
    :param workers: processes that share the port.
    """
    if workers > 1:
        _say(f"The interactive debugger is off: it works in one process, and there are {workers} workers.")
        return app
    if host is not None and is_public(host):
        what = "who has the PIN can run code on this machine" if evalex else "its pages show your source code"
        _say(
            f"WARNING: the debugger can be reached from other machines, at {host}: {what}. Never do this in production."
        )
    return Debugger(app, host, evalex)


def is_public(host: str) -> bool:
    """Whether a server that listens at ``host`` can be reached from other machines."""
    try:
        return not ip_address(host.strip("[]")).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return True
    return any(not ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


def _say(sentence: str) -> None:
    if not is_running_from_reloader():  # the process that has started it has said so
        click.secho(f" * {sentence}", err=True, fg="red")


@dataclass
class Failure:
    """An exception that came out of the application, and the contexts of the request that it came from."""

    error: Exception
    contexts: list[Any]


class Debugger:
    """An ASGI layer: it answers with the debugger's page what the application has not begun to answer."""

    def __init__(self, app: WebServer, host: str | None, evalex: bool) -> None:
        self._app = app
        self._evalex = evalex
        self._pages = DebuggedApplication(_fail_again, evalex=evalex, console_init_func=lambda: {"app": app})
        if host is not None:
            self._pages.trusted_hosts.append(host)  # as run_simple of Werkzeug does

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._is_asked(scope):
            await self._answer(scope, send, None)
        else:
            await self._call(scope, receive, send)

    def _is_asked(self, scope: Scope) -> bool:
        if b"__debugger__" in scope["query_string"]:
            return Request(environ_from_scope(scope)).args.get("__debugger__") == "yes"
        return self._evalex and path_info(scope) == self._pages.console_path

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False
        contexts: list[Any] = []

        async def send_and_see(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        if self._evalex:
            scope = {**scope, ENVIRON_KEYS: {**scope.get(ENVIRON_KEYS, {}), KEEP_CONTEXTS: contexts.append}}
        try:
            await self._app(scope, receive, send_and_see)
        except Exception as error:
            if has_started:
                raise
            await self._answer(scope, send, Failure(error, contexts))

    async def _answer(self, scope: Scope, send: Send, failure: Failure | None) -> None:
        environ = environ_from_scope(scope)
        environ.update({"wsgi.input": io.BytesIO(), FAILURE: failure})
        # A thread of its own: the workers may be busy with what is being looked for.
        thread = self._app.threads.lease()
        try:
            response = await hop(thread, contextvars.copy_context(), self._ask_pages, environ)
        finally:
            thread.release()
        await send(fit_for_asgi(Answer(response.status, list(response.headers)).start_message()))
        await send({"type": "http.response.body", "body": response.get_data(), "more_body": False})

    def _ask_pages(self, environ: WSGIEnvironment) -> Response:
        return Response.from_app(self._pages, environ, buffered=True)


_UNKNOWN = Response(
    "The debugger cannot do this: the server has been restarted since this page was made, or the PIN has not been"
    " entered. Load the page again.",
    status=404,
)


def _fail_again(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """What ``DebuggedApplication`` takes for the application: a request that has failed already."""
    __traceback_hide__ = "before_and_this"
    failure: Failure | None = environ[FAILURE]
    if failure is None:
        return _UNKNOWN(environ, start_response)
    for context in failure.contexts:
        environ[KEEP_CONTEXTS](context)  # each is entered before an expression is evaluated, and left after it
    shorten(failure.error)
    raise failure.error
