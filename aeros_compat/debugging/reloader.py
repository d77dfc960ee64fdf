"""The reloader: Werkzeug's, around a server that is ended in order before its process is started anew.

The first process binds the socket, starts a second one with the same command line, and waits. The second serves on a
thread while Werkzeug's loop watches the files on its main thread. The socket outlives it: a browser that asks in
between waits for the new process, it is not refused.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from werkzeug.serving import is_running_from_reloader

from ..upstream import reloader_loop, reloading_command, serve_until_change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: The exit code with which Werkzeug's loop asks for a new process.
CHANGED = 3

#: The exit code of Python for an exception that nobody has caught: the saved file has an error, say.
FAILED = 1

#: Seconds that requests in flight have before a restart: a page that listens to a stream must not hold it up.
GRACE = 2

#: Seconds after which a server that still has not ended (an ``after_serving`` that hangs) is left behind.
PATIENCE = 10.0

_LISTENER = "WERKZEUG_SERVER_FD"


def run_with_reloader(
    bind: Callable[[], socket.socket],
    serve: Callable[[socket.socket], object],
    stop: Callable[[], object],
    *,
    extra_files: Iterable[str] | None = None,
    exclude_patterns: Iterable[str] | None = None,
    interval: float = 1,
    reloader_type: str = "auto",
) -> None:
    """Serve in a process that is started anew whenever a Python file of the application changes.

    It does not return in the first process (SystemExit), and returns in the second when the server has ended otherwise
    than by a change. When new code cannot even be imported, or its server does not start, the next change is waited
    for.

    :param bind: makes the listening socket, once, in the first process.
    :param serve: serves on that socket until it is told to stop; called on a thread of the second process.
    :param stop: tells it, from any thread, to finish its requests (within ``GRACE`` seconds) and to end.
    :param extra_files: files and directories to watch, next to the imported modules and what lies on ``sys.path``.
    :param exclude_patterns: ``fnmatch`` patterns of files that are not watched.
    :param interval: seconds between two looks.
    :param reloader_type: ``stat``, ``watchdog`` (if it is installed), or ``auto``.
    :raises RuntimeError: on a thread other than the main one.
    :raises ValueError: for a reloader type that is none.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "The reloader works on the main thread only, which gets the signals. Pass use_reloader=False to a server"
            " on another thread."
        )
    options: dict[str, Any] = {
        "extra_files": extra_files,
        "exclude_patterns": exclude_patterns,
        "interval": interval,
        "reloader_type": reloader_type,
    }
    if is_running_from_reloader():
        _serve_until_change(serve, stop, options)
        return
    reloader_loop(**options)  # a bad option fails here, at once
    listener = bind()
    listener.set_inheritable(True)
    os.environ[_LISTENER] = str(listener.fileno())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _restart_until_ended(options)
    except KeyboardInterrupt:
        sys.exit(0)


# In the second process.


def _serve_until_change(
    serve: Callable[[socket.socket], object], stop: Callable[[], object], options: dict[str, Any]
) -> None:
    ended = threading.Event()
    listener = socket.socket(fileno=int(os.environ[_LISTENER]))
    main_thread = threading.get_ident()

    def run() -> None:
        try:
            serve(listener)
        except BaseException:
            click.echo(" * The server has not started; waiting for a change.", err=True)
            raise
        finally:
            ended.set()
        # It was stopped by the application. Nothing else takes the main thread out of its loop.
        signal.pthread_kill(main_thread, signal.SIGTERM)

    try:
        serve_until_change(run, **options)
    except SystemExit as wish:
        if wish.code == CHANGED or not ended.is_set():
            raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending
        stop()
        with suppress(KeyboardInterrupt):  # a second one: at once, then
            if not ended.wait(PATIENCE):
                click.echo(f" * The server has not ended within {PATIENCE:g} seconds; left behind.", err=True)


# In the first process.


def _restart_until_ended(options: dict[str, Any]) -> None:
    while True:
        # It looks at the files before the process does: what is saved while that one fails is a change, too.
        with reloader_loop(**options) as loop:
            click.echo(f" * Restarting with {loop.name}", err=True)
            code = _run_again()
            if code == FAILED:
                click.echo(" * The application has ended with an error; waiting for a change.", err=True)
                _wait_for_change(loop)
            elif code != CHANGED:
                sys.exit(code)


def _run_again() -> int:
    environ = {**os.environ, "WERKZEUG_RUN_MAIN": "true"}
    child = subprocess.Popen(reloading_command(), env=environ, close_fds=False)  # noqa: S603 (this process's own)
    try:
        return child.wait()
    except (KeyboardInterrupt, SystemExit):
        # subprocess.call, which Werkzeug's own loop uses, would kill it a quarter of a second later. An interrupt from
        # a terminal reaches the child too, and a second signal would hurry it.
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.5)
        child.terminate()
        child.wait()
        raise


def _wait_for_change(loop: Any) -> None:
    try:
        loop.run()
    except SystemExit as error:
        if error.code != CHANGED:
            raise
