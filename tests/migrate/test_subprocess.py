"""The rule ``subprocess``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .code import convert, module, same_answers, told, view_of

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "import subprocess\nimport sys\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "done = subprocess.run(['echo', 'x'], capture_output=True)\nreturn done.stdout + bytes(done.returncode)",
            "done = await anyio.run_process(['echo', 'x'], check=False)\nreturn done.stdout + bytes(done.returncode)",
        ),
        (
            "return subprocess.check_output(('pwd',), cwd='/')",
            "return (await anyio.run_process(('pwd',), cwd='/', stderr=None)).stdout",
        ),
        (
            "return str(subprocess.check_call(['true']))",
            "return str((await anyio.run_process(['true'], stdout=None, stderr=None)).returncode)",
        ),
        (
            "try:\n    subprocess.run(['false'], check=True)\nexcept subprocess.CalledProcessError as error:\n"
            "    return str(error)",
            "try:\n    await anyio.run_process(['false'], check=True, stdout=None, stderr=None)\n"
            "except subprocess.CalledProcessError as error:\n    return str(error)",
        ),
        (
            "return subprocess.run(\n    ['cat'],  # nothing\n    stdin=subprocess.DEVNULL,\n"
            "    stdout=subprocess.PIPE,\n).stdout",
            "return (await anyio.run_process(\n    ['cat'],  # nothing\n    stdin=subprocess.DEVNULL,\n"
            "    stdout=subprocess.PIPE, check=False, stderr=None,\n)).stdout",
        ),
    ],
)
def test_rewritten(tmp_path: Path, before: str, after: str) -> None:
    changed = same_answers(tmp_path, module(before, HEAD))
    assert view_of(changed) == after


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("subprocess.run(['echo', 'x'], capture_output=True, text=True)", "text"),
        ("subprocess.run(['cat'], input=b'x', capture_output=True)", "input"),
        ("subprocess.run('echo x', shell=True, stdout=subprocess.PIPE)", "a list for the command"),
        ("subprocess.run('pwd', stdout=subprocess.PIPE)", "a list for the command"),
        ("subprocess.run(['true'], timeout=5)", "timeout"),
        ("subprocess.run(['true'], -1)", "names for all else"),
        ("subprocess.run(['true'], **{'check': True})", "names for all else"),
        ("subprocess.getoutput('echo x')", "no counterpart here"),
    ],
)
def test_left_alone(tmp_path: Path, call: str, why: str) -> None:
    code = module(f"done = {call}\nreturn str(done)", HEAD)
    changed = same_answers(tmp_path, code)
    assert "await sync_to_async(subprocess." in changed
    assert "anyio" not in changed
    assert why in told(convert(tmp_path, code)[1])
