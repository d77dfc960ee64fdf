"""Several worker processes: uvicorn's supervisor, and what a worker is given.

The supervisor starts workers anew (spawn), and replaces those that have ended or hang. It restarts them one after the
other on SIGHUP, and ends them in order on SIGTERM and SIGINT.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from functools import cached_property
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from ..garbage import collect_less
from ..logs.server_logs import ServerLogs
from ..watching.ledger import Ledger
from .server import Server
from .settings import CannotServe

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from ..types import ASGIApp
    from ..webserver import WebServer
    from .location import Location
    from .settings import Settings

logger = logging.getLogger("uvicorn.error")

#: Seconds for a worker to end, after its time for requests, before it is killed.
LAST_WORDS = 5


class WorkerConfig(Config):
    """The configuration of a worker process: uvicorn's, and where the application is found.

    :param figures: the directory in which workers leave their figures, if somebody watches.
    """

    def __init__(
        self, location: Location, settings: Settings, options: dict[str, Any], figures: str | None = None
    ) -> None:
        app: Any = location  # loaded by load_app
        super().__init__(app, host=settings.host, port=settings.port, workers=settings.workers, **options)
        self.location = location
        self.settings = settings
        self.figures = figures

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Called in the worker, before anything else.

        SIGTERM, before the server knows it, would kill the worker without its ``atexit`` functions: what agents have
        not sent yet would be lost. SIGHUP goes to the whole process group where a terminal or a shell sends it
        (``kill -HUP %1``): it is for the supervisor, which ends the workers one by one.
        """
        vars(self).update(state)
        collect_less()
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def load_app(self) -> ASGIApp:
        """Called in the worker. What fails here fails for all workers, so the supervisor ends."""
        logs = ServerLogs(self.settings.logs)
        logs.open()
        try:
            app = self.location.load()
        except CannotServe as error:
            logger.error("%s", error)
            sys.exit(STARTUP_FAILURE)
        except Exception:
            logger.exception("The application %s cannot be loaded in a worker:", self.location)
            sys.exit(STARTUP_FAILURE)
        self.settings.apply_to(app)
        app.servers.add(_Supervised())
        if self.figures is not None:
            app.share_figures(self.figures)
        return logs.add(app, app)

    def load(self) -> None:
        super().load()
        if not self.settings.debug:  # somebody may sit at a breakpoint
            self.callback_notify = _Watched(self.timeout_worker_healthcheck, self.callback_notify)


class _Supervised:
    """What ``app.stop()`` ends in a worker: the supervisor, and with it all workers."""

    def end(self) -> None:
        parent = multiprocessing.parent_process()
        if parent is not None and parent.pid is not None:
            os.kill(parent.pid, signal.SIGINT)


class _Watched:
    """Ends this process when its event loop has been blocked for too long; the supervisor then replaces it.

    Uvicorn's own check is answered by a thread, which lives on while the loop hangs. It is a ``callback_notify``,
    which the server first calls when it has started: what an application does before that may take its time.
    """

    def __init__(self, limit: float, other: Callable[[], Awaitable[None]] | None) -> None:
        self._limit = limit
        self._other = other
        self._watches = False

    async def __call__(self) -> None:
        if not self._watches:
            self._watches = True
            watch = threading.Thread(target=self._watch, args=(asyncio.get_running_loop(), threading.get_ident()))
            watch.daemon = True
            watch.start()
        if self._other is not None:
            await self._other()

    def _watch(self, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        while not loop.is_closed():
            turned = threading.Event()
            try:
                loop.call_soon_threadsafe(turned.set)
            except RuntimeError:  # closed in between
                return
            if not turned.wait(self._limit) and not loop.is_closed():
                stack = "".join(traceback.format_stack(sys._current_frames().get(thread)))
                logger.critical(
                    "Worker [%d] is ended: its event loop has been blocked for %s seconds, here:\n%s",
                    os.getpid(),
                    self._limit,
                    stack,
                )
                os._exit(1)
            time.sleep(1)


class Worker(Process):
    """uvicorn's worker process, with a server that ends as one without workers does."""

    @cached_property
    def server(self) -> Server:
        return Server(self.config)


class Supervisor(Multiprocess):
    """uvicorn's supervisor, which its application knows and can end from any thread."""

    config: WorkerConfig

    def __init__(self, config: WorkerConfig, listener: socket.socket) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise CannotServe("Several workers are run from the main thread only, which gets the signals for them.")
        _check_can_be_sent(config)
        self._handlers = {number: signal.getsignal(number) for number in (*_SIGNALS,)}
        self._terminated = False
        self._has_served = False
        self._has_failed = False
        super().__init__(config, [listener])

    def run_for(self, app: WebServer) -> bool:
        """Serve until somebody ends it; whether the workers could start."""
        app.servers.add(self)
        try:
            self.run()
        finally:
            app.servers.discard(self)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
        if self._terminated:
            sys.exit(0)  # as a server in one process does
        return not (self._has_failed or any(process.exitcode == STARTUP_FAILURE for process in self.processes))

    def end(self) -> None:
        """Let the workers finish their requests and end. From any thread; it does not wait."""
        self.should_exit.set()

    # uvicorn makes each worker where it needs one, so what does is written again, with workers of ours.

    def start_worker(self) -> Worker:
        worker = Worker(self.config, self.sockets)
        worker.start()
        return worker

    def init_processes(self) -> None:
        """The first workers."""
        self.processes += [self.start_worker() for _ in range(self.processes_num)]

    def handle_ttin(self) -> None:
        """SIGTTIN: one worker more."""
        self.processes_num += 1
        self.processes.append(self.start_worker())

    def restart_all(self) -> None:
        """SIGHUP: put a new worker in the place of each, and end the old one when the new one serves."""
        limit = self.config.timeout_worker_healthcheck
        for index, old in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            new = self.start_worker()
            if not new.wait_until_ready(limit, self.should_exit):
                new.kill()
                new.join()
                if not self.should_exit.is_set():
                    logger.error(
                        "Worker [%s] was not ready in time: worker [%s] and those after it stay.", new.pid, old.pid
                    )
                return
            old.terminate()
            old.join()
            self.processes[index] = new

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have ended or hang; but not for ever, if none of them could start.

        One that has failed to start says so with its exit code. One whose main module fails, or takes too long, says
        nothing.
        """
        before = list(self.processes)
        for process in before:
            # The worker's end of the pipe. Held here, it would hide that the worker has ended: a question asked at that
            # moment would wait for its answer, and for nobody else, until the time is up.
            process.child_conn.close()
        for index, process in enumerate(before):
            if self.should_exit.is_set():
                return
            if not process.is_alive(timeout=self.config.timeout_worker_healthcheck):
                self._replace(index, process)
        if self.config.figures is not None:
            Ledger(self.config.figures).fold({process.pid for process in self.processes})
        if self._has_served or self.should_exit.is_set():
            return
        some_ended = any(process.exitcode is not None for process in before)
        self._has_served = any(
            # One may have served all that it should, and have ended in order, before it was looked at.
            process.exitcode == 0 or (process in self.processes and self._serves(process, patiently=some_ended))
            for process in before
        )
        if not self._has_served and some_ended:
            logger.error(
                "No worker could start within %s seconds (timeout_worker_healthcheck); stopping the parent process.",
                self.config.timeout_worker_healthcheck,
            )
            self._has_failed = True
            self.should_exit.set()

    def _serves(self, process: Process, *, patiently: bool) -> bool:
        """Whether a worker has started; ``patiently`` gives one that is still about to the time that it may take."""
        if patiently:
            return process.wait_until_ready(self.config.timeout_worker_healthcheck, self.should_exit)
        return process.is_ready(timeout=1)

    def _replace(self, index: int, process: Process) -> None:
        process.kill()  # it may hang
        process.join()
        if process.exitcode == STARTUP_FAILURE:
            logger.error(
                "Worker [%s] failed to start, as the next one would; stopping the parent process.", process.pid
            )
            self.should_exit.set()
        elif not self.should_exit.is_set():
            logger.info("Child process [%s] died", process.pid)
            self.processes[index] = self.start_worker()

    def terminate_all(self) -> None:
        """Tell the workers to end. Their listener is the last one then: clients that come now are refused at once."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def handle_term(self) -> None:
        self._terminated = True
        super().handle_term()

    def join_all(self) -> None:
        """Wait for the workers; those that do not end in time are killed, as one that hangs never ends."""
        limit = self.config.timeout_graceful_shutdown
        deadline = None if limit is None else time.monotonic() + limit + LAST_WORDS
        for process in self.processes:
            process.process.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if process.exitcode is None:
                logger.error("Worker [%s] has not ended in time and is killed.", process.pid)
                process.process.kill()
                process.join()


_SIGNALS = [
    getattr(signal, f"SIG{name}")
    for name in ("INT", "TERM", "BREAK", "HUP", "QUIT", "TTIN", "TTOU", "USR1", "USR2", "WINCH")
    if hasattr(signal, f"SIG{name}")
]


def _check_can_be_sent(config: WorkerConfig) -> None:
    """Raises CannotServe for an option that no other process can be given."""
    for name, value in vars(config).items():
        try:
            ForkingPickler.dumps(value)
        except Exception as error:
            raise CannotServe(f"The option {name} cannot be handed to worker processes: {error}.") from error
