"""For Flask-DebugToolbar, if it is installed: its panel of log messages, for views that run on the event loop.

The toolbar's own panel collects what was logged on the request's thread. An async view logs on the thread of the loop,
which all of them share.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING

from flask_debugtoolbar.panels import logger

if TYPE_CHECKING:
    from werkzeug import Request

_records: ContextVar[list[logging.LogRecord]] = ContextVar("aeros_compat.toolbar_records")


class _Collector(logging.Handler):
    """Hands each message to the request in whose context it was logged."""

    def emit(self, record: logging.LogRecord) -> None:
        records = _records.get(None)
        if records is not None:
            records.append(record)


_collector = _Collector()


class LoggingPanel(logger.LoggingPanel):
    """In ``DEBUG_TB_PANELS``, in place of ``flask_debugtoolbar.panels.logger.LoggingPanel``."""

    def process_request(self, request: Request) -> None:
        logging.root.addHandler(_collector)  # once: a handler that is there is not added again
        _records.set([])

    def get_and_delete(self) -> list[logging.LogRecord]:
        return _records.get([])

    def nav_subtitle(self) -> str:
        count = len(self.get_and_delete())
        return f"{count} message{'' if count == 1 else 's'}"
