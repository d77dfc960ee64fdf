"""Every block of code of the steps runs, and each step begins with the files that the one before it has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .blocks import blocks
from .pages import GUIDE, pages
from .story import tell

if TYPE_CHECKING:
    from pathlib import Path

STEPS = pages("steps")


@pytest.mark.parametrize(("page", "following"), zip(STEPS, [*STEPS[1:], ""], strict=True), ids=STEPS)
def test_step(page: str, following: str, tmp_path: Path) -> None:
    left = tell(GUIDE / page, page, tmp_path)
    for title, text in beginning(following).items():
        assert left.get(title, text) == text, f"{following} does not begin with the {title} that {page} has left"


def beginning(page: str) -> dict[str, str]:
    """The files with which a step begins: those before its first command."""
    text = (GUIDE / page).read_text().partition("```console")[0] if page else ""
    return {block.title: block.text for block in blocks(page, text)}
