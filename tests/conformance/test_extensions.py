from pathlib import Path

import pytest

from . import extensions, table


def test_the_page_has_what_was_run() -> None:
    assert extensions.table() in extensions.PAGE.read_text()


def test_only_the_table_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "extensions.md"
    page.write_text(f"before\n{extensions.BEGIN}\nold\n{extensions.END}\nafter\n")
    monkeypatch.setattr(extensions, "PAGE", page)
    extensions.write()
    assert page.read_text() == f"before\n{extensions.table()}\nafter\n"
    assert "| Flask-Login | 0.6.3 | 114 of 114 | 113 of 113 | 113 of 113 | 20" in page.read_text()


def test_tests_that_newly_fail_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ("Flask-Login 0.6.3", "sync", "10", "9", "1", "0", "0", "none", "2026-11-25")
    page = tmp_path / "conformance.md"
    page.write_text("\n".join((*table.header(table.HEAD), table.line(row))))
    monkeypatch.setattr(table, "FILE", page)
    assert "| Flask-Login | 0.6.3 | 9 of 10 |  |  | 2026-11-25 |" in extensions.table()
