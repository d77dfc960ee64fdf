"""gevent and eventlet, the real ones: what they have patched is refused, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..programs import ended

if TYPE_CHECKING:
    from pathlib import Path

SERVE = "from aeros_compat import WebServer\nWebServer('application').run(port=0)\n"


@pytest.mark.parametrize(
    ("patch", "name"),
    [
        ("import gevent.monkey; gevent.monkey.patch_all()", "gevent"),
        ("import eventlet; eventlet.monkey_patch()", "eventlet"),
    ],
)
def test_patched_programs(tmp_path: Path, patch: str, name: str) -> None:
    # Eventlet warns of its own end.
    done = ended("-W", "ignore", "-c", f"{patch}\n{SERVE}", cwd=tmp_path)
    assert done.returncode == 1
    assert f"Error: This program is monkey-patched by {name}" in done.stderr
    assert "Remove the call of" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_imported_and_not_patched(tmp_path: Path) -> None:
    code = "import gevent.monkey\nfrom aeros_compat.serving.patched import patched_by\nassert patched_by() is None\n"
    done = ended("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
