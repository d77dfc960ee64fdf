"""Every block of code of the pages that are in no folder runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .pages import GUIDE, pages
from .story import tell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", pages())
def test_page(page: str, tmp_path: Path) -> None:
    tell(GUIDE / page, page, tmp_path)


def test_every_folder_of_pages_has_a_test() -> None:
    assert {path.parent.name for path in GUIDE.rglob("*.md")} <= {GUIDE.name, "steps", "topics"}
