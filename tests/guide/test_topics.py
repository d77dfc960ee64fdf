"""Every block of code of the topics runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .pages import GUIDE, pages
from .story import tell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", pages("topics"))
def test_topic(page: str, tmp_path: Path) -> None:
    tell(GUIDE / page, page, tmp_path)
