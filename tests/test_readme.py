"""The README keeps its word: its code runs, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from aeros_compat.webserver import WORKER_THREADS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_code() -> None:
    (code,) = blocks("python")
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)
    client = names["app"].test_client()
    assert client.get("/").text == "Visit 1"
    assert client.get("/wait?seconds=0.01").json == {"visits": 2}
    assert client.get("/").text == "Visit 3"


def test_the_swap_is_one_import_and_one_class() -> None:
    (diff,) = blocks("diff")
    added = [line for line in diff.splitlines() if line.startswith("+")]
    assert added == ["+from aeros_compat import WebServer", "+app = WebServer(__name__)"]


@pytest.mark.parametrize("command", [line for block in blocks("sh") for line in block.splitlines()])
def test_commands_exist(command: str) -> None:
    script = ROOT / command.split()[0]
    assert script.stat().st_mode & 0o111, f"{script} cannot be executed"


def test_continuous_integration_calls_the_test_command_of_the_readme() -> None:
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "scripts/test"
    assert "scripts/test\n" in "".join(blocks("sh"))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(((?!http)[^)#]+)", README))))
def test_links(target: str) -> None:
    assert (ROOT / target).exists()


def test_defaults() -> None:
    assert f"| `worker_threads` | {WORKER_THREADS} |" in README
