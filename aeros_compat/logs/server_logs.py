"""The logs of a server: who writes what where, from its start to its end, in each of its processes."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from flask.logging import default_handler

from .access import ACCESS, AccessLog
from .colours import wants_colours
from .cuts import SERVER, name_cuts
from .formats import JSONFormatter, TextFormatter
from .outputs import Console, LogFile, Output, Several, is_taken_above, is_users

if TYPE_CHECKING:
    from typing import TextIO

    from ..types import ASGIApp
    from ..webserver import WebServer
    from .options import LogOptions

#: What Flask's ``default_handler`` is made with. One that formats otherwise has been configured by the user.
_FLASKS = logging.Formatter("[%(asctime)s] %(levelname)s in %(module)s: %(message)s")

#: The loggers that uvicorn writes to.
_UVICORNS = ("uvicorn.error", "uvicorn.asgi", "uvicorn.access")


class ServerLogs:
    """Leaves every logger alone that the user has given handlers, and undoes in the end what it has done.

    ``logging.config`` is not used: it closes handlers that are already there. Nothing is put on the root logger, where
    it would keep ``logging.basicConfig`` from working.
    """

    def __init__(self, options: LogOptions) -> None:
        self._options = options
        self._undo = ExitStack()
        self._file: LogFile | None = None

    def open(self) -> None:
        """Begin, before the application is there. Raises OSError if a file cannot be opened."""
        options = self._options
        if options.file is not None:
            self._file = LogFile(options.file, self._formatter(None))
            self._undo.callback(self._file.close)
        outputs: list[logging.Handler] = [self._file] if self._file is not None else []
        if options.to_std:
            outputs.append(Console(sys.stderr, self._formatter(sys.stderr)))
        for output in outputs or [logging.NullHandler()]:
            self._add_handler("uvicorn", output)
        self._use_last_resort(outputs)
        self._use_flasks_handler()
        for name in _UVICORNS:
            self._set_level(name)
        uvicorns = logging.getLogger(SERVER)
        uvicorns.addFilter(name_cuts)
        self._undo.callback(uvicorns.removeFilter, name_cuts)

    def add(self, app: WebServer, served: ASGIApp) -> ASGIApp:
        """Add an application, when it has set up all that it sets up itself.

        :param served: ``app``, or what stands around it.
        :returns: ``served``, with the access log around it if there is to be one.
        :raises OSError: if a file cannot be opened.
        """
        for name in (*_UVICORNS, ACCESS):
            logging.getLogger(name).disabled = False  # dictConfig does so with all loggers that it is not told of
        # Through app.logger, which Flask gives a handler when it is first used, if there is none.
        if self._file is not None and self._file not in app.logger.handlers:
            self._add_handler(app.logger.name, self._file)
        self._silence_uvicorns()
        outputs = self._open_access_log()
        if not outputs or app.logs_requests:
            return served
        app.record_requests()
        self._undo.callback(app.forget_requests)
        log = AccessLog(served, app)
        for output in outputs:
            output.is_for = log.is_writing
        return log

    def close(self) -> None:
        """Leave every logger as it was."""
        self._undo.close()

    def _formatter(self, stream: TextIO | None) -> logging.Formatter:
        """For a stream, or a file, which is never coloured."""
        options = self._options
        if options.form == "json":
            return JSONFormatter(traceback=options.traceback)
        colours = stream is not None and wants_colours(stream, options.colours)
        return TextFormatter(colours=colours, traceback=options.traceback)

    def _add_handler(self, name: str, handler: logging.Handler) -> None:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        self._undo.callback(logger.removeHandler, handler)

    def _set_level(self, name: str) -> None:
        logger, before = logging.getLogger(name), logging.getLogger(name).level
        if self._options.level is not None or before == logging.NOTSET:
            logger.setLevel(self._options.level or logging.INFO)
            self._undo.callback(logger.setLevel, before)

    def _use_last_resort(self, outputs: list[logging.Handler]) -> None:
        """Take what no handler is there for: warnings of libraries, and of the user's own loggers."""
        # https://docs.python.org/3/library/logging.html#logging.lastResort
        before, ours = logging.lastResort, Several(outputs, logging.WARNING)
        logging.lastResort = ours

        def give_back() -> None:
            if logging.lastResort is ours:
                logging.lastResort = before

        self._undo.callback(give_back)

    def _use_flasks_handler(self) -> None:
        """Let Flask's handler write as we do, if the user has not changed it: it is on ``app.logger`` by default."""
        if not _is_flasks_own(default_handler):
            return
        self._undo.callback(default_handler.setFormatter, default_handler.formatter)
        default_handler.setFormatter(self._formatter(sys.stderr))
        to_std = self._options.to_std

        def stands(record: logging.LogRecord) -> bool:
            return to_std and not is_taken_above(record)

        default_handler.addFilter(stands)
        self._undo.callback(default_handler.removeFilter, stands)

    def _open_access_log(self) -> list[Output]:
        """Where the access log goes; nowhere if nobody wants its lines."""
        options = self._options
        # Who has set up a handler for uvicorn's lines gets uvicorn's lines.
        to_std = options.access_to_std and not any(map(is_users, logging.getLogger("uvicorn.access").handlers))
        if not options.access or not (to_std or options.access_file):
            return []
        self._set_level(ACCESS)
        if not logging.getLogger(ACCESS).isEnabledFor(logging.INFO):
            return []
        outputs: list[Output] = []
        if to_std:
            outputs.append(Console(sys.stdout, self._formatter(sys.stdout)))
        if options.access_file:
            file = LogFile(options.access_file, self._formatter(None))
            self._undo.callback(file.close)
            outputs.append(file)
        for output in outputs:
            self._add_handler(ACCESS, output)
        return outputs

    def _silence_uvicorns(self) -> None:
        """Uvicorn asks whether there is any handler for its access lines. Ours say more."""
        logger = logging.getLogger("uvicorn.access")
        if not logger.handlers and logger.propagate:
            logger.propagate = False
            self._undo.callback(setattr, logger, "propagate", True)


def _is_flasks_own(handler: logging.Handler) -> bool:
    sample: Any = logging.makeLogRecord({"msg": "sample", "module": "module", "levelname": "INFO"})
    formatter = handler.formatter
    unchanged = type(formatter) is logging.Formatter and formatter.format(sample) == _FLASKS.format(sample)
    return unchanged and not handler.filters and handler.level == logging.NOTSET
