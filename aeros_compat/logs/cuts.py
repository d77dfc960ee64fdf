"""Requests that an ending server cuts off: a line each, in place of a traceback through the machinery."""

from __future__ import annotations

import logging
from asyncio import CancelledError

from ..upstream import CUT_OFF

#: The logger to which uvicorn writes what comes out of an application.
SERVER = "uvicorn.error"


def name_cuts(record: logging.LogRecord) -> bool:
    """A filter that changes the record of a request that uvicorn has cancelled because its time to end is over.

    Nothing is wrong with the application then, and uvicorn has said how many it cancels. A cancellation that comes from
    elsewhere stays what it is.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, CancelledError) and error.args == (CUT_OFF,):
        record.msg, record.args, record.exc_info = "A request was cut off: the server ends.", (), None
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
    return True
