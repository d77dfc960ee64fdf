"""Every private name of another package that this one uses, and why.

The rule of this file: nothing else in the package touches a private name of Flask, Quart, Werkzeug or asgiref.
``tests/test_upstream.py`` checks each of them by what it does, so that a release that moves one is named by its test.
"""

from __future__ import annotations

import contextvars
import os
import re
from concurrent.futures import Executor
from multiprocessing import current_process
from pathlib import Path
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from asgiref.local import _Storage
from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext, _restore_context
from flask import Request as FlaskRequest
from flask import Response as FlaskResponse
from flask.ctx import _sentinel as flask_sentinel
from flask.globals import _cv_app as flask_app_var
from flask.globals import _cv_request as flask_request_var
from flask.templating import _default_template_ctx_processor as flask_template_defaults
from flask_caching.backends import FileSystemCache, RedisCache
from flask_compress import flask_compress as _flask_compress
from flask_compress.compat import compression as _compression
from quart.globals import _cv_app as quart_app_var
from quart.globals import _cv_request as quart_request_var
from quart.globals import _cv_websocket as quart_websocket_var
from werkzeug._reloader import ReloaderLoop, _get_args_for_reloading, reloader_loops
from werkzeug._reloader import run_with_reloader as _run_with_reloader
from werkzeug.datastructures import EnvironHeaders, Headers
from werkzeug.wrappers import Response
from werkzeug.wrappers.response import _iter_encoded
from werkzeug.wsgi import ClosingIterator, _get_server

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from _typeshed.wsgi import WSGIEnvironment
    from flask import Flask
    from werkzeug.routing import BaseConverter, Rule

#: The modules that flask-compress has found: Python's ``compression.zstd`` from 3.14, else the backport; ``brotli``,
#: or ``brotlicffi`` on PyPy. Its documentation does not name them.
zstd: Any = _compression.zstd
brotli: Any = vars(_flask_compress)["brotli"]

#: With what uvicorn cancels the requests that are left when ``timeout_graceful_shutdown`` is over.
CUT_OFF = "Task cancelled, timeout graceful shutdown exceeded"

__all__ = [
    "CUT_OFF",
    "adopt_context",
    "begin_serving",
    "cached_data_of",
    "bind_executor",
    "bridge_state",
    "brotli",
    "closes_nothing",
    "converters_of",
    "copy_of",
    "find_error_handler",
    "flask_app_var",
    "flask_request_var",
    "flask_sentinel",
    "flask_template_defaults",
    "has_begun_serving",
    "has_converters",
    "has_sync_caller",
    "is_complete",
    "is_importing_main",
    "move_locals_here",
    "new_request",
    "new_response",
    "parsed_regex",
    "parts_of",
    "quart_app_var",
    "quart_request_var",
    "quart_websocket_var",
    "redis_of",
    "reloader_loop",
    "reloading_command",
    "request_closes_nothing",
    "response_closes_nothing",
    "restore_bridge_state",
    "serve_loop",
    "serve_until_change",
    "serving_loop",
    "unfinished_files",
    "zstd",
]


def begin_serving(app: Flask) -> None:
    """Tell Flask that the first request has come, after which set-up methods raise.

    Flask does it in ``full_dispatch_request``, which the async lane splits around the view.
    """
    if not app._got_first_request:
        app._got_first_request = True


def has_begun_serving(app: Flask) -> bool:
    """Whether Flask has seen the first request."""
    return app._got_first_request


def is_importing_main() -> bool:
    """Whether this is a process that multiprocessing has spawned and that is still importing its main module."""
    return getattr(current_process(), "_inheriting", False)


def find_error_handler(app: Flask, error: Exception, blueprints: list[str]) -> Callable[..., Any] | None:
    """The handler that Flask would call for ``error``: the async lane must know whether it is sync."""
    return app._find_error_handler(error, blueprints)


def converters_of(rule: Rule) -> Mapping[str, BaseConverter]:
    """The converters of a bound rule by argument; Werkzeug has no public way to ask whether one is the user's code."""
    return rule._converters


def has_converters(rule: Rule) -> bool:
    """Whether a bound rule has variable parts."""
    return bool(rule._converters)


def cached_data_of(request: FlaskRequest) -> bytes | None:
    """The body that ``get_data()`` of a Flask request has read and kept: a stream cannot be read a second time."""
    data: bytes | None = getattr(request, "_cached_data", None)
    return data


def adopt_context(context: contextvars.Context) -> None:
    """Copy the variables of ``context`` into the current one, as ``async_to_sync`` does, except for asgiref's own.

    Those say where sync code runs inside that context. Left behind in a caller's context, they would send its later
    calls to a thread that has stopped listening.
    """
    for variable, value in context.items():
        if variable in _ASGIREF_VARIABLES or isinstance(value, _Storage):
            continue
        if variable.get(_MISSING) is not value:
            variable.set(value)


_MISSING: Any = object()
_ASGIREF_VARIABLES: frozenset[contextvars.ContextVar[Any]] = frozenset(
    {SyncToAsync.thread_sensitive_context, SyncToAsync.deadlock_context}
)


def has_sync_caller() -> bool:
    """Whether a thread waits in ``async_to_sync`` for the current code: ``sync_to_async`` would run on that thread."""
    return getattr(AsyncToSync.executors, "current", None) is not None


_REQUEST_CLOSED_BY = FlaskRequest.close


def request_closes_nothing(request: FlaskRequest) -> bool:
    """Whether ``close()`` of a request is known to do nothing: nobody has asked for its files."""
    return "files" not in vars(request) and type(request).close is _REQUEST_CLOSED_BY


def response_closes_nothing(response: Response) -> bool:
    """Whether ``close()`` of a response is known to do nothing: no ``call_on_close``, no ``close`` of the body."""
    if type(response).close is not Response.close or response._on_close:
        return False
    return not hasattr(response.response, "close") or closes_nothing(response.response)


def parts_of(response: Response) -> tuple[Any, str, int, list[tuple[str, str]]] | None:
    """Body, status, its number, and headers of a response whose class has Werkzeug's properties for them.

    Without those, of which each would be another call. None if somebody wants to know when it is closed.
    """
    if response._on_close:
        return None
    return response.response, response._status, response._status_code, response.headers._list


_BLANK = vars(FlaskResponse())
_MADE_BY = FlaskResponse.__init__


def new_response(body: bytes, content_type: str) -> FlaskResponse:
    """What ``flask.Response(body, content_type=content_type)`` makes, in a third of its time.

    Its status is a known one, and its headers need no check.
    """
    if FlaskResponse.__init__ is not _MADE_BY:  # an agent's, perhaps, which wants to see them all
        return FlaskResponse(body, content_type=content_type)
    response = FlaskResponse.__new__(FlaskResponse)
    headers = Headers()
    headers._list += [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    vars(response).update(_BLANK, headers=headers, response=[body], _on_close=[])
    return response


_REQUEST_MADE_BY = FlaskRequest.__init__


def new_request(request_class: type[FlaskRequest], environ: WSGIEnvironment) -> FlaskRequest:
    """What ``request_class(environ)`` makes, in half of its time: most paths need none of what Werkzeug does to them.

    The environ has what PEP 3333 requires.
    """
    if request_class.__init__ is not _REQUEST_MADE_BY or request_class.__new__ is not object.__new__:
        return request_class(environ)
    request = request_class.__new__(request_class)
    request.method = environ["REQUEST_METHOD"].upper()
    request.scheme = environ["wsgi.url_scheme"]
    request.server = _get_server(environ)
    request.root_path = _decoded(environ["SCRIPT_NAME"]).rstrip("/")
    request.path = "/" + _decoded(environ["PATH_INFO"]).lstrip("/")
    request.query_string = environ["QUERY_STRING"].encode("latin-1")
    request.headers = EnvironHeaders(environ)
    request.remote_addr = environ.get("REMOTE_ADDR")
    request.environ = environ
    request.shallow = False
    environ["werkzeug.request"] = request
    return request


def _decoded(path: str) -> str:
    return path if path.isascii() else path.encode("latin-1").decode(errors="replace")


def copy_of(response: FlaskResponse) -> FlaskResponse:
    """Another response of the same class, as its constructor would make it of the same arguments: not by asking it."""
    copy = type(response).__new__(type(response))
    values = vars(copy)
    for name, value in vars(response).items():
        values[name] = value[:] if type(value) is list else value
    headers = values["headers"] = Headers()
    headers._list += response.headers._list
    return copy


def closes_nothing(iterable: object) -> bool:
    """Whether ``close()`` of a WSGI iterable is known to do nothing.

    Werkzeug wraps every response in a ``ClosingIterator``, also where no function was registered with
    ``call_on_close`` and the body has nothing to close. Calling it would cost each request a second hop.
    """
    if type(iterable) is not ClosingIterator:
        return False
    for owner in _owners(iterable):
        if isinstance(owner, GeneratorType) and owner.gi_code is _iter_encoded.__code__:
            continue  # Werkzeug's loop over the body
        if not isinstance(owner, Response) or not response_closes_nothing(owner):
            return False
    return True


def _owners(iterable: ClosingIterator) -> Iterator[object]:
    """Whose ``close`` an iterable calls. One may be around another: Flask makes responses of exceptions so."""
    for callback in iterable._callbacks:
        owner = getattr(callback, "__self__", None)
        if type(owner) is ClosingIterator:
            yield from _owners(owner)
        else:
            yield owner


def is_complete(iterable: object) -> bool:
    """Whether all of a WSGI iterable is there already: a list, or a Werkzeug response made of one."""
    if type(iterable) is not ClosingIterator:
        return isinstance(iterable, (list, tuple))
    return any(isinstance(owner, Response) and is_complete(owner.response) for owner in _owners(iterable))


class _ExecutorOfContext(Executor):
    """Hands each job to the executor that :func:`bind_executor` has given the current context."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return _executor_of_context.get().submit(fn, *args, **kwargs)


_executor_of_context: contextvars.ContextVar[Executor] = contextvars.ContextVar("aeros_compat.executor")
_bound = ThreadSensitiveContext(executor=_ExecutorOfContext())
SyncToAsync.context_to_thread_executor[_bound] = _ExecutorOfContext()


def bind_executor(executor: Any) -> None:
    """Send plain ``sync_to_async(f)`` calls of the current context to ``executor``.

    It is what ``ThreadSensitiveContext(executor=...).__aenter__`` does, without a coroutine, without the matching exit
    and with one object for all requests: a context belongs to one request and is thrown away with it, while an exit
    would make ``sync_to_async`` fail in tasks that the view started and that outlive the request.
    """
    _executor_of_context.set(executor)
    SyncToAsync.thread_sensitive_context.set(_bound)


def serve_loop(loop: asyncio.AbstractEventLoop, tasks: list[asyncio.Task[Any]]) -> None:
    """Tell asgiref that this thread works for ``loop``.

    ``async_to_sync`` runs its coroutine there, and adds the task to ``tasks``. ``SyncToAsync.thread_handler`` does so.
    """
    state = SyncToAsync.threadlocal
    state.main_event_loop = loop
    state.main_event_loop_pid = os.getpid()
    state.task_context = tasks


def move_locals_here(context: contextvars.Context) -> None:
    """Make the values of asgiref's ``Local`` objects in ``context``, the current one, visible on this thread.

    It is what ``SyncToAsync.__call__`` does, which looks at every variable more slowly.
    """
    for value in context.values():
        if type(value) is _Storage:
            _restore_context(context)
            return


def serving_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that this thread works for, if asgiref sent it here: where ``async_to_sync`` would run its coroutine."""
    state = SyncToAsync.threadlocal
    if getattr(state, "main_event_loop_pid", None) != os.getpid():
        return None
    loop: asyncio.AbstractEventLoop | None = getattr(state, "main_event_loop", None)
    return loop if loop is not None and loop.is_running() else None


_BRIDGE_NAMES = ("main_event_loop", "main_event_loop_pid", "task_context")


def bridge_state() -> dict[str, Any]:
    """What asgiref remembers about the current thread, to be given back by :func:`restore_bridge_state`."""
    found = vars(SyncToAsync.threadlocal)
    return {name: found[name] for name in _BRIDGE_NAMES if name in found}


def restore_bridge_state(state: dict[str, Any]) -> None:
    """Make asgiref forget that the current thread has worked for a loop: a caller's own thread is only borrowed."""
    found = vars(SyncToAsync.threadlocal)
    for name in _BRIDGE_NAMES:
        found.pop(name, None)
    found.update(state)


def redis_of(backend: object) -> tuple[Any, str] | None:
    """The redis-py client that a backend of flask-caching writes with, and what its keys begin with.

    Single flight across processes needs a lock on that server; flask-caching offers none. None for other backends.
    """
    if not isinstance(backend, RedisCache):
        return None
    return backend._write_client, backend._get_prefix()


def unfinished_files(backend: FileSystemCache, directory: str) -> Iterator[Path]:
    """The files that a cachelib backend, this one or another process's, has begun to write and not finished."""
    return Path(directory).glob(f"*{backend._fs_transaction_suffix}")


# Werkzeug's reloader has no public name since 2.1, where ``run_simple`` is the only way to it, with its own server.


def reloader_loop(
    *,
    extra_files: Iterable[str] | None,
    exclude_patterns: Iterable[str] | None,
    interval: float,
    reloader_type: str,
) -> ReloaderLoop:
    """What watches the files: inside ``with``, its ``run()`` raises ``SystemExit(3)`` at the first change."""
    if reloader_type not in reloader_loops:
        raise ValueError(f"reloader_type must be one of {', '.join(sorted(reloader_loops))}, not {reloader_type!r}.")
    make = reloader_loops[reloader_type]
    return make(extra_files=extra_files, exclude_patterns=exclude_patterns, interval=interval)


def serve_until_change(main: Callable[[], None], **options: Any) -> None:
    """Run ``main`` on a daemon thread and watch the files; in a process that the reloader has started."""
    _run_with_reloader(main, **options)


def reloading_command() -> list[str]:
    """The command line that starts this process again."""
    return _get_args_for_reloading()


def parsed_regex(pattern: str) -> Any:
    """The parts of a regular expression, as pairs of a kind and what belongs to it.

    ``sre_parse`` was the public name of the parser until Python 3.11.
    """
    parser: Any = vars(re)["_parser"]
    return parser.parse(pattern)
