"""What the logs add to the WebServer."""

from __future__ import annotations

import logging
import sys
from typing import Any

from .access import ACCESS, AccessLog
from .colours import wants_colours
from .formats import TextFormatter
from .outputs import Console


class LoggingAPI:
    """``app.log_requests()``."""

    #: Whether the application writes its access lines itself, whoever serves it.
    logs_requests = False

    def log_requests(self) -> None:
        """Write access lines under servers that others start: ``uvicorn app:app``, gunicorn, hypercorn, granian.

        :meth:`run` and the command line do so by themselves; those servers have access logs of their own, which know
        neither lane nor wait: switch them off. The lines go to the logger ``aeros_compat.access``, and to stdout as
        long as there is no handler for it. Call it before the first request.
        """
        server: Any = self
        if self.logs_requests:
            return
        object.__setattr__(self, "logs_requests", True)  # nobody else may
        server.record_requests()
        server.asgi_app = AccessLog(server.asgi_app, server)
        logger = logging.getLogger(ACCESS)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
        logger.addHandler(Console(sys.stdout, TextFormatter(colours=wants_colours(sys.stdout))))
