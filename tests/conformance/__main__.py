"""``python -m tests.conformance``: run other people's test suites on plain Flask and on WebServer, and compare.

The exit code is 0 if nothing newly fails, 1 if something does, 2 if a suite could not be run, 3 if ``--check`` finds
that the committed table is not what the run gave.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, get_args

from . import extensions, suite_run, table
from .command import CommandError
from .console import Step, print_result
from .result import Result
from .suites import SUITES
from .swap.order import Answer, Lane, Target

if TYPE_CHECKING:
    from .suite import Suite

LANES: tuple[Lane, ...] = get_args(Lane)


def main(argv: list[str] | None = None) -> int:
    """Run what the arguments name."""
    started = time.monotonic()
    parser = _parser()
    options = parser.parse_args(argv)
    unknown = set(options.suite) - {suite.key for suite in SUITES}
    if unknown:
        parser.error(f"no suite is called {', '.join(sorted(unknown))}")
    suites = [suite for suite in SUITES if _is_wanted(suite, options)]
    lanes = options.lane or (LANES[:2] if options.quick else LANES)
    results, broken = _run_all(suites, lanes, tuple(options.overrides))
    bad = [result for result in results if not result.is_good]
    print(f"{len(results)} runs, {len(bad)} with new failures, {broken} broken, {time.monotonic() - started:.0f} s")
    if options.write:
        table.write(results)
        extensions.write()
    differences = table.differences(results) if options.check else []
    print("\n".join(differences))
    return 2 if broken else 1 if bad else 3 if differences else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.conformance", description=__doc__)
    keys = [suite.key for suite in SUITES]
    parser.add_argument("suite", nargs="*", metavar="suite", help=f"of {', '.join(keys)}; all of them by default")
    parser.add_argument("--lane", action="append", choices=LANES, help="by default all three; may be given twice")
    parser.add_argument("--quick", action="store_true", help="the part for CI: a few suites, without async hooks")
    parser.add_argument(
        "--write", action="store_true", help=f"write the results into {table.FILE.name} and {extensions.PAGE.name}"
    )
    parser.add_argument("--check", action="store_true", help=f"compare the results with those in {table.FILE.name}")
    _add_with(parser)
    return parser


def _add_with(parser: argparse.ArgumentParser) -> None:
    text = "another version of a package, such as flask==3.2.0; may be given twice"
    parser.add_argument("--with", dest="overrides", action="append", default=[], metavar="PACKAGE==VERSION", help=text)


def _is_wanted(suite: Suite, options: argparse.Namespace) -> bool:
    if options.suite:
        return suite.key in options.suite
    return suite.quick or not options.quick


def _run_all(suites: list[Suite], lanes: tuple[Lane, ...], overrides: tuple[str, ...]) -> tuple[list[Result], int]:
    """The results, and how many could not be had."""
    results: list[Result] = []
    broken = 0
    plan = [(suite, lane) for suite in suites for lane in lanes if suite.runs_in(lane)]
    for number, (suite, lane) in enumerate(plan, 1):
        print(f"[{number}/{len(plan)}] {suite.name}, lane {lane}", flush=True)
        try:
            flask = _run(suite, "flask", lane, overrides)
            webserver = _run(suite, "webserver", lane, overrides)
        except CommandError as error:
            print(f"  BROKEN: {error}", flush=True)
            broken += 1
            continue
        results.append(Result(suite, lane, suite.version_with(overrides), flask, webserver))
        print_result(results[-1])
    return results, broken


def _run(suite: Suite, target: Target, lane: Lane, overrides: tuple[str, ...]) -> Answer:
    step = Step(f"  {target:<9}")
    try:
        answer = suite_run.run_suite(suite, target, lane, overrides, step.progress)
    except CommandError:
        step.end("broken")
        raise
    outcomes = ", ".join(f"{len(answer.named(outcome))} {outcome}" for outcome in ("passed", "failed", "skipped"))
    step.end(f"{outcomes} in {answer.seconds:.1f} s")
    return answer


if __name__ == "__main__":
    sys.exit(main())
