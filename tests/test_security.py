"""SECURITY.md names a test for each threat, and each of them is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROWS = (ROOT / "SECURITY.md").read_text().partition("## Threats")[2].split("|---|---|---|\n")[1].splitlines()


def named_in(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_threat_has_tests_that_exist() -> None:
    named = [(row, re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row.split("|")[3])) for row in ROWS]
    assert len(named) > 30
    assert [row for row, tests in named if not tests] == []
    missing = [name for _, tests in named for path, name in tests if name not in named_in(ROOT / path)]
    assert missing == []


def test_every_hostile_test_is_named() -> None:
    text = "\n".join(ROWS)
    folder = Path(__file__).parent / "hostile"
    found = {f"{path.name}::{name}" for path in folder.glob("test_*.py") for name in named_in(path)}
    assert sorted(name for name in found if name not in text) == []
