"""``python -m tests.matrix``: the tests on each Python, on the lowest and the highest versions of what is declared.

``python -m tests.matrix 3.12 --versions lowest --pytest tests/policy -x`` runs a part. What follows ``--pytest`` goes
to pytest; without it, everything runs but what compares and measures at length (see LEFT_OUT). ``--with`` puts another
version of a package above the bounds: ``--with flask@git+https://github.com/pallets/flask``.

The exit code is 0 if every environment passes, 1 if a test fails, 2 if an environment cannot be made.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from ..conformance import cache
from ..conformance.command import CommandError
from .environment import PYTHONS, Environment, Versions

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What takes long and depends little on versions, or makes environments itself.
LEFT_OUT = (
    "tests/conformance",
    "tests/differential",
    "tests/test_legacy_example.py",
    "tests/test_package.py",
    "tests/test_readme.py",
    "tests/test_transcript.py",
)


@dataclass(frozen=True)
class Row:
    """What came of one environment: the last line of pytest, or why there was none."""

    name: str
    code: int
    outcome: str
    seconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the arguments name, and print a table."""
    options = _parser().parse_args(argv)
    wanted = options.pytest or [f"--ignore={path}" for path in LEFT_OUT]
    rows = []
    for python in options.python or PYTHONS:
        for versions in options.versions or get_args(Versions):
            environment = Environment(python, versions, tuple(options.overrides))
            print(f"== {environment.name}", flush=True)
            rows.append(_row(environment, wanted))
    print(table(rows))
    return max(row.code for row in rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.matrix", description=__doc__)
    parser.add_argument("python", nargs="*", help=f"of {', '.join(PYTHONS)}; all of them by default")
    parser.add_argument("--versions", action="append", choices=get_args(Versions), help="by default both")
    text = "another version of a package, such as flask==3.2.0; may be given twice"
    parser.add_argument("--with", dest="overrides", action="append", default=[], metavar="REQUIREMENT", help=text)
    parser.add_argument("--pytest", nargs=argparse.REMAINDER, default=[], help="all that follows goes to pytest")
    return parser


def _row(environment: Environment, wanted: Sequence[str]) -> Row:
    started = time.monotonic()
    try:
        interpreter = environment.interpreter()
    except CommandError as error:
        print(error, flush=True)
        return Row(environment.name, 2, "could not be made", time.monotonic() - started)
    log = cache.folder("matrix") / f"{environment.name.replace(' ', '-')}.log"
    with log.open("w") as output:
        command = (str(interpreter), "-m", "pytest", "-p", "no:cacheprovider", *wanted)
        done = subprocess.run(command, cwd=cache.ROOT, stdout=output, stderr=subprocess.STDOUT, check=False)
    lines = log.read_text().strip().splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    print("\n".join(failed), f"{log}: all of it", sep="\n", flush=True)
    return Row(environment.name, min(done.returncode, 1), lines[-1].strip("= "), time.monotonic() - started)


def table(rows: Sequence[Row]) -> str:
    """The rows as a table of Markdown."""
    lines = ["| Python, versions | outcome | seconds |", "|---|---|---|"]
    lines += [f"| {row.name} | {row.outcome} | {row.seconds:.0f} |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
