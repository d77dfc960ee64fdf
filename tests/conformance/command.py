"""Running other programs: quietly if they succeed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class CommandError(Exception):
    """A program that had to succeed did not."""


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a program.

    :raises CommandError: with the end of its output, if it fails.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        output = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise CommandError(f"{' '.join(words)} ended with {done.returncode}:\n{output}")
