"""The processes of a page: a bash that stays, with what it has started, and a Python for its blocks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..programs import environment

if TYPE_CHECKING:
    from .blocks import Block

#: Commands are files, run in this one bash, so that `cd`, `export` and jobs stay. Each job is a group of processes.
_BASH = """
set -m
status=0
while IFS= read -r file; do
    (exit "$status")
    . "$file" </dev/null >"$file.out" 2>&1
    status=$?
    echo "$status $(jobs -pr | wc -w)"
done
for job in $(jobs -p); do
    kill -- "-$job"
done 2>/dev/null
wait
"""

#: What takes longer hangs.
SECONDS = 120


class Peer:
    """A process that is sent lines on its stdin, and answers each with one."""

    def __init__(self, command: tuple[str, ...], folder: Path, log: IO[str], variables: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )

    def ask(self, line: str) -> str:
        """The answer; empty if the process has ended, or has had to be."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        timer = threading.Timer(SECONDS, os.killpg, (self._process.pid, signal.SIGKILL))
        timer.start()
        try:
            stdin.write(f"{line}\n")
            stdin.flush()
            return stdout.readline()
        finally:
            timer.cancel()

    def close(self) -> None:
        """What has not ended in time is killed, and fails the test."""
        try:
            self._process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise


@dataclass(frozen=True)
class Ended:
    """A command: its exit code, the file with what it has printed, and how many jobs run beside."""

    status: int
    output: Path
    jobs: int


class Bash:
    """``kept`` is an empty folder for the commands and what they print."""

    def __init__(self, folder: Path, kept: Path, variables: dict[str, str]) -> None:
        self._kept = kept
        self._log = (kept / "bash.log").open("w")
        self._peer = Peer(("bash", "-c", _BASH), folder, self._log, variables)
        self._count = 0

    def run(self, text: str) -> Ended:
        self._count += 1
        file = self._kept / f"{self._count:03}"
        file.write_text(f"{text}\n")
        answer = self._peer.ask(str(file)).split()
        assert answer, f"bash ended, or took longer than {SECONDS} seconds"
        return Ended(int(answer[0]), file.with_name(f"{file.name}.out"), int(answer[1]))

    def close(self) -> None:
        """End what the page has started."""
        self._peer.close()
        self._log.close()


class Interpreter:
    def __init__(self, folder: Path, kept: Path, variables: dict[str, str]) -> None:
        self._log = (kept / "python.log").open("w")
        script = str(Path(__file__).with_name("interpreter.py"))
        self._peer = Peer((sys.executable, "-u", script), folder, self._log, variables)

    def failure(self, block: Block, text: str) -> str:
        """The traceback of a block, or an empty string."""
        answer = self._peer.ask(json.dumps({"text": text, "file": block.page, "line": block.line}))
        return str(json.loads(answer)) if answer else f"the process ended, or took longer than {SECONDS} seconds"

    def close(self) -> None:
        self._peer.close()
        self._log.close()


def _environment(variables: dict[str, str]) -> dict[str, str]:
    """As in the activated environment of a reader; nothing is written beside modules, which change within a second."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
    return environment(PATH=path, PYTHONDONTWRITEBYTECODE="1", NO_COLOR="1", COLUMNS="100", **variables)
