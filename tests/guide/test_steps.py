"""Every block of code of the steps runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .pages import GUIDE, pages
from .story import tell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", pages("steps"))
def test_step(page: str, tmp_path: Path) -> None:
    tell(GUIDE / page, page, tmp_path)
