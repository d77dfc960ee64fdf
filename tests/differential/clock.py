"""A time that stands still: sides that are asked one after the other must agree on seconds too."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import werkzeug.utils
import werkzeug.wrappers.response
from itsdangerous import TimestampSigner
from werkzeug.http import http_date

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_750_000_000


@contextmanager
def stopped() -> Iterator[None]:
    """Stop the clocks behind signed sessions and the ``Date`` and ``Expires`` headers of Werkzeug."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TimestampSigner, "get_timestamp", lambda signer: NOW)
        patch.setattr(werkzeug.utils, "time", lambda: NOW)
        patch.setattr(werkzeug.wrappers.response, "http_date", lambda timestamp=NOW: http_date(timestamp))
        yield
