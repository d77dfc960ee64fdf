"""``python -m tests.endurance``: try every promise for long, and print the table: promise, load, result.

The exit code is 1 if one of them is broken. The tests run the same code with the smaller loads (``--short``).
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from typing import TYPE_CHECKING

from .promises import PROMISES

if TYPE_CHECKING:
    from .promise import Promise


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m tests.endurance", description=__doc__)
    parser.add_argument("name", nargs="*", help="a module of this folder, or module.function; all by default")
    parser.add_argument("--short", action="store_true", help="with the loads of the tests")
    parser.add_argument("--list", action="store_true", help="only the names, and the loads")
    options = parser.parse_args(argv)
    wanted = [promise for promise in PROMISES if not options.name or _is_named(promise, options.name)]
    if not wanted:
        parser.error(f"no promise is called {' or '.join(options.name)}")
    if options.list:
        print("\n".join(f"{promise.key}: {promise.short} or {promise.long} {promise.unit}" for promise in wanted))
        return 0
    print("| promise | load or attempts | result | seconds |\n|---|---|---|---|")
    kept = [_try(promise, promise.short if options.short else promise.long) for promise in wanted]
    print(f"\n{len(kept)} promises, {kept.count(False)} broken")
    return 0 if all(kept) else 1


def _is_named(promise: Promise, names: list[str]) -> bool:
    return any(name in (promise.key, promise.key.partition(".")[0]) for name in names)


def _try(promise: Promise, count: int) -> bool:
    began = time.monotonic()
    print(f"{promise.key}: {count:,} {promise.unit}", file=sys.stderr, flush=True)
    try:
        result, kept = promise.keep(count), True
    except Exception as error:
        traceback.print_exc()
        result, kept = f"BROKEN: {error}".partition("\n")[0], False
    print(f"| {promise.text} | {count:,} {promise.unit} | {result} | {time.monotonic() - began:.0f} |", flush=True)
    return kept


if __name__ == "__main__":
    sys.exit(main())
