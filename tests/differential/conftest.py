"""One comparison for all tests, at a time that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from itsdangerous import TimestampSigner

from .comparison import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def comparison() -> Iterator[Comparison]:
    with pytest.MonkeyPatch.context() as patch:
        # Sessions are signed with a time in seconds, and the second may end between two sides.
        patch.setattr(TimestampSigner, "get_timestamp", lambda signer: 1_750_000_000)
        comparison = Comparison()
        yield comparison
        comparison.close()
