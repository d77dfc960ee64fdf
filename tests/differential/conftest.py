"""One comparison for all tests of this folder."""

from __future__ import annotations

import gc
import warnings
from typing import TYPE_CHECKING

import pytest

from .clock import stopped
from .comparison import Comparison
from .length import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def comparison() -> Iterator[Comparison]:
    with stopped():
        comparison = Comparison(thorough=LONG)
        yield comparison
        comparison.close()
    with warnings.catch_warnings():
        # Werkzeug leaves the files of an upload that it could not read to the end open, on both sides alike.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
