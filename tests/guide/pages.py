"""Where the pages are; pytest-xdist runs the files of tests beside each other, so each folder of pages has one."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "migration_guide"


def pages(folder: str = "") -> list[str]:
    """The names of the pages in a folder of the guide, without those in its own folders."""
    return sorted(str(path.relative_to(GUIDE)) for path in (GUIDE / folder).glob("*.md"))
