"""``python -m tests.conformance``: run other people's test suites on plain Flask and on WebServer, and compare.

The exit code is 0 if nothing newly fails, 1 if something does, 2 if a suite could not be run, 3 if ``--check`` finds
that the committed table is not what the run gave.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import get_args

from . import environment, suite_run, table
from .command import CommandError
from .console import Step, print_result
from .result import Result
from .suites import SUITES, Suite
from .swap.order import Answer, Lane, Target

LANES: tuple[Lane, ...] = get_args(Lane)


def main(argv: list[str] | None = None) -> int:
    """Run what the arguments name."""
    started = time.monotonic()
    options = _parser().parse_args(argv)
    suites = [suite for suite in SUITES if _is_wanted(suite, options)]
    lanes = options.lane or (LANES[:2] if options.quick else LANES)
    results, broken = _run_all(suites, lanes, tuple(options.overrides))
    bad = [result for result in results if not result.is_good]
    print(f"{len(results)} runs, {len(bad)} with new failures, {broken} broken, {time.monotonic() - started:.0f} s")
    if broken:
        return 2
    if bad:
        return 1
    if options.write:
        table.write(results)
    if options.check and (differences := table.differences(results)):
        print("\n".join(differences))
        return 3
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.conformance", description=__doc__)
    keys = [suite.key for suite in SUITES]
    parser.add_argument("suite", nargs="*", metavar="suite", help=f"of {', '.join(keys)}; all of them by default")
    parser.add_argument("--lane", action="append", choices=LANES, help="by default all three; may be given twice")
    parser.add_argument("--quick", action="store_true", help="the part for CI: a few suites, without async hooks")
    parser.add_argument("--write", action="store_true", help=f"write the results into {table.FILE.name}")
    parser.add_argument("--check", action="store_true", help=f"compare the results with those in {table.FILE.name}")
    with_help = "another version of a package (flask==3.2.0); may be given twice"
    parser.add_argument("--with", dest="overrides", action="append", default=[], metavar="PACKAGE==VERSION", help=with_help)
    return parser
