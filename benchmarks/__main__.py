"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import sys
import time

from .content import make_files
from .measurement import Pinning, Rounds, measure
from .peers import PEERS
from .targets import outcomes
from .workloads import BASELINES, WORKLOADS


def main() -> None:
    options = parse(sys.argv[1:])
    start = time.perf_counter()
    make_files()
    rounds = Rounds(options.rounds, options.seconds, Pinning(0, 1) if options.pin else Pinning(), tell)
    results = []
    for number, workload in enumerate(options.workloads, 1):
        tell(f"[{number}/{len(options.workloads)}, {time.perf_counter() - start:.0f} s] {workload}")
        for one in measure(WORKLOADS[workload], [PEERS[name] for name in options.peers], rounds):
            tell(f"    {PEERS[one.peer].title:32} {one.workload:10} {one.rate:8,.0f}/s {one.cpu_median:7.3f} CPU s/1000"
                 f" {one.peak_memory / 2**20:6.0f} MB p99 {1000 * one.p99:.1f} ms errors {one.errors}")
            results.append(one)
    for outcome in outcomes(results):
        tell(f"{outcome.target.lane} {outcome.target.workload} {outcome.target.title}"
             f" {outcome.ratio:.2f} of {outcome.target.at_least} {'met' if outcome.is_met else 'NOT MET'}")
    tell(f"{time.perf_counter() - start:.0f} seconds")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--peers", type=names_of(PEERS), default=list(PEERS), help=", ".join(PEERS))
    measurable = [name for name in WORKLOADS if name not in BASELINES]
    parser.add_argument("--workloads", type=names_of(measurable), default=measurable, help=", ".join(measurable))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each peer in each round")
    parser.add_argument("--pin", action="store_true", help="servers on core 0, clients on core 1")
    return parser.parse_args(arguments)


def names_of(known):
    def parse_names(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"there is no {name!r}; there are {', '.join(known)}")
        return names
    return parse_names


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
