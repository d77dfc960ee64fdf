"""``python -m tests.applications``: real applications in the three modes, and their requests replayed.

The exit code is 0 if all is as on Flask, 1 if anything is not, 2 if an application could not be run.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..conformance.command import CommandError
from ..conformance.console import Step
from . import table
from .applications import APPLICATIONS
from .run import Result, run

if TYPE_CHECKING:
    from .application import Application


def main(argv: list[str] | None = None) -> int:
    """Run what the arguments name."""
    parser = argparse.ArgumentParser("python -m tests.applications", description=__doc__)
    keys = [application.suite.key for application in APPLICATIONS]
    parser.add_argument("application", nargs="*", help=f"of {', '.join(keys)}; all of them by default")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--write", action="store_true", help=f"write the results into {table.FILE.name}")
    kind.add_argument("--quick", action="store_true", help="the part for CI: the tests of small applications, no more")
    options = parser.parse_args(argv)
    unknown = set(options.application) - set(keys)
    if unknown:
        parser.error(f"no application is called {', '.join(sorted(unknown))}")
    results: list[Result] = []
    broken = 0
    for application in APPLICATIONS:
        if not _is_wanted(application, options):
            continue
        step = Step(application.suite.name)
        try:
            results.append(run(application, step.progress, options.quick))
        except CommandError as error:
            step.end(f"broken: {error}")
            broken += 1
            continue
        step.end(" | ".join(table.row_of(results[-1])[2:]))
        _print_newly_failing(results[-1])
        if options.write:
            table.write(results)
    return 2 if broken else 0 if all(result.is_good for result in results) else 1


def _is_wanted(application: Application, options: argparse.Namespace) -> bool:
    if options.application:
        return application.suite.key in options.application
    return application.suite.quick or not options.quick


def _print_newly_failing(result: Result) -> None:
    for lane, answer in (("sync", result.sync), ("async", result.asynchronous)):
        for name in result.newly_failing(answer):
            print(f"  newly failing in the {lane} lane: {name}", flush=True)
    for view, names in result.asyncified.newly_failing.items() if result.asyncified else ():
        print(f"  newly failing once {view} is async: {', '.join(names)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
