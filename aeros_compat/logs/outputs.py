"""Where lines go: the console, unless handlers of the user's have them, and files.

Python's loggers form a tree, and a record passes the handlers on its way to the root. What the user has put there is
looked for each time, because it may come later: ``logging.basicConfig`` in a start-up function, say.
"""

from __future__ import annotations

import logging
from logging.handlers import WatchedFileHandler
from typing import IO, TYPE_CHECKING, Any

from flask.logging import default_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Bytes of a line that are written in one piece, so that workers do not write into each other's lines.
ONE_WRITE = 1024 * 1024


class Output(logging.Handler):
    """A handler of ours. The first one for a target on the way of a record writes it: no line is there twice."""

    #: The path of a file, or the name of a stream.
    target: str

    #: Whose lines it takes, if not everybody's: one logger has the access lines of all servers in the process.
    is_for: Callable[[logging.LogRecord], bool] | None = None

    def takes(self, record: logging.LogRecord) -> bool:
        return self.is_for is None or self.is_for(record)

    def filter(self, record: logging.LogRecord) -> Any:
        if not self.takes(record):
            return False
        first = next((handler for handler in _handlers(record) if _takes(handler, record, self.target)), self)
        return first is self and super().filter(record)


class Console(Output, logging.StreamHandler[Any]):
    """A standard stream; for records that no handler of the user's takes."""

    def __init__(self, stream: IO[str], formatter: logging.Formatter, level: int = logging.NOTSET) -> None:
        super().__init__(stream)
        self.target = getattr(stream, "name", "<console>")
        self.setFormatter(formatter)
        self.setLevel(level)

    def filter(self, record: logging.LogRecord) -> Any:
        return not is_taken(record) and super().filter(record)


class LogFile(Output, WatchedFileHandler):
    """A file that is appended to, and opened anew when somebody has moved it away (logrotate).

    Raises OSError if it cannot be opened.
    """

    def __init__(self, path: str, formatter: logging.Formatter) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self.target = self.baseFilename
        self.setFormatter(formatter)

    def _open(self) -> Any:
        return open(self.baseFilename, self.mode, ONE_WRITE, self.encoding, self.errors)


class Several(logging.Handler):
    """Python's handler of last resort is a single one; this is several."""

    def __init__(self, handlers: list[logging.Handler], level: int) -> None:
        super().__init__(level)
        self._handlers = handlers

    def emit(self, record: logging.LogRecord) -> None:
        for handler in self._handlers:
            handler.handle(record)


def is_taken(record: logging.LogRecord) -> bool:
    """Whether a handler of the user's takes all that the logger of a record lets through."""
    level = logging.getLogger(record.name).getEffectiveLevel()
    return any(is_users(handler) and handler.level <= level for handler in _handlers(record))


def is_taken_above(record: logging.LogRecord) -> bool:
    """The same for handlers above the logger that Flask's ``default_handler`` is on: next to it, both write."""
    level = logging.getLogger(record.name).getEffectiveLevel()
    above = False
    for logger in _loggers(record):
        if above and any(is_users(handler) and handler.level <= level for handler in logger.handlers):
            return True
        above = above or default_handler in logger.handlers
    return False


def is_users(handler: logging.Handler) -> bool:
    return not isinstance(handler, (Output, logging.NullHandler)) and handler is not default_handler


def _loggers(record: logging.LogRecord) -> Iterator[logging.Logger]:
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None:
        yield logger
        logger = logger.parent if logger.propagate else None


def _handlers(record: logging.LogRecord) -> Iterator[logging.Handler]:
    for logger in _loggers(record):
        yield from logger.handlers


def _takes(handler: logging.Handler, record: logging.LogRecord, target: str) -> bool:
    return isinstance(handler, Output) and handler.target == target and handler.takes(record)
