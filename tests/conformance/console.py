"""What the command says while it works, and what it found."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .result import Result

#: Names of newly failing tests that are printed for one suite and lane. The log has all.
SHOWN = 40


class Step:
    """One line for one run, rewritten while it proceeds if a person is watching."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live = sys.stdout.isatty()

    def progress(self, state: str) -> None:
        if self._live:
            print(f"\r{self._title} … {state:<12}", end="", flush=True)

    def end(self, state: str) -> None:
        print(f"\r{self._title} … {state:<12}" if self._live else f"{self._title} … {state}", flush=True)


def print_result(result: Result) -> None:
    """The lines of one suite and lane."""
    asgi, sync, asynchronous = result.requests
    print(
        f"  passed on Flask {len(result.flask.named('passed'))}, on WebServer {len(result.webserver.named('passed'))};"
        f" requests: {asgi} through the ASGI application, {sync} in the sync lane, {asynchronous} in the async lane;"
        f" time x {result.time_ratio:.2f}"
    )
    if result.is_idle:
        print("  NO REQUEST went through the ASGI application")
    _print_names("NEWLY FAILING", result.newly_failing)
    _print_names("names no test, though listed as not applicable:", result.unused_exclusions)
    _print_names("fails on Flask, passes on WebServer:", result.newly_passing)
    sys.stdout.flush()


def _print_names(title: str, names: list[str]) -> None:
    for name in names[:SHOWN]:
        print(f"  {title} {name}")
    if len(names) > SHOWN:
        print(f"  … and {len(names) - SHOWN} more")
