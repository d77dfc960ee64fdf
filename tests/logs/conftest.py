"""Fixtures: the access log of an application that is served in this process."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

import pytest

from aeros_compat.logs.access import ACCESS, AccessLog

from ..servers import served, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aeros_compat import WebServer


class Lines(logging.Handler):
    """What the access log has written."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @contextlib.contextmanager
    def of(self, app: WebServer) -> Iterator[str]:
        """Serve an application with its access log; gives the base URL."""
        app.record_requests()
        with served(AccessLog(app, app), access_log=False) as url:
            yield url

    def wait_for(self, number: int) -> list[dict[str, Any]]:
        """The fields of the lines, which are written a moment after the client has its answer."""
        wait_for(lambda: len(self.records) >= number)
        found = [dict(record.args) for record in self.records if isinstance(record.args, dict)]
        assert len(found) == number, found
        return found

    def wait_for_one(self) -> dict[str, Any]:
        return self.wait_for(1)[0]


@pytest.fixture
def lines() -> Iterator[Lines]:
    logger, handler = logging.getLogger(ACCESS), Lines()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
