"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from typing import TYPE_CHECKING

from .content import ROOT, SCRATCH, make_files
from .crowding import measure_latencies
from .measurement import Rounds, measure
from .peers import ASYNC, PEERS, SYNC
from .picture import svg
from .report import Run, markdown, setting
from .starting import measure_starts
from .targets import TARGETS, outcomes
from .workloads import BASELINES, WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .crowding import Latency
    from .measurement import Measured
    from .peers import Peer
    from .starting import Start

#: What can be named: the workloads without those that are only compared with, and the two measurements of another kind.
STARTING, CROWDING = "starting", "crowding"
MEASURABLE = [*(name for name in WORKLOADS if name not in BASELINES), STARTING, CROWDING]


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    if shutil.which("wrk") is None:
        sys.exit("wrk makes the load, and it is not installed: apt-get install wrk.")
    start = time.perf_counter()
    make_files()
    cores = {"server_core": 0, "client_core": 1} if options.pin else {}
    rounds = Rounds(options.rounds, options.seconds, tell, **cores)
    run = measure_all(options, rounds)
    # The figures of the documentation are those of a whole run.
    is_whole = not options.quick and options.peers == list(PEERS) and options.workloads == MEASURABLE
    folder = ROOT / "benchmarks" / "results" if is_whole else SCRATCH / "results"
    folder.mkdir(parents=True, exist_ok=True)
    suffix = "pinned" if options.pin else "unpinned"
    (folder / f"{suffix}.md").write_text(markdown(run))
    (folder / f"{suffix}.svg").write_text(svg(run.measured))
    print(markdown(run))
    tell(f"{time.perf_counter() - start:.0f} s. {folder}/{suffix}.md and .svg have the tables and the picture.")


def measure_all(options: argparse.Namespace, rounds: Rounds) -> Run:
    where = setting(rounds)
    measured: list[Measured] = []
    starts: list[Start] = []
    latencies: list[Latency] = []
    for number, name in enumerate(options.workloads, 1):
        tell(f"[{number} of {len(options.workloads)}] {name}")
        peers = peers_for(name, options)
        if name in WORKLOADS:
            results = measure(WORKLOADS[name], peers, rounds)
            measured += results
            for one in results:
                tell(f"    {PEERS[one.peer].title:32} {one.workload:11} {one.rate:9,.0f} requests a second")
        elif name == STARTING:
            starts = measure_starts(peers, rounds)
        else:
            latencies = measure_latencies(peers, rounds)
    return Run(where, measured, starts, latencies, outcomes(measured, starts, latencies))


def peers_for(workload: str, options: argparse.Namespace) -> list[Peer]:
    """All that are asked for; in a quick run those that a target of this workload needs."""
    if not options.quick:
        return [PEERS[name] for name in options.peers]
    needed = {name for target in TARGETS if target.workload == workload for name in (target.lane, target.peer)}
    needed |= {STARTING: {SYNC, "quart"}, CROWDING: {ASYNC}}.get(workload, set())
    return [PEERS[name] for name in options.peers if name in needed]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--peers", type=some_of(PEERS), default=list(PEERS), metavar="NAME,…", help=f"of {', '.join(PEERS)}")
    add(
        "--workloads",
        type=some_of(MEASURABLE),
        default=MEASURABLE,
        metavar="NAME,…",
        help=f"of {', '.join(MEASURABLE)}",
    )
    add("--rounds", type=int, default=3, help="in which each peer is measured once; 3")
    add("--seconds", type=int, default=1, help="of each peer in each round; 1")
    add("--quick", action="store_true", help="one round, and only what the targets compare")
    add("--pin", action="store_true", help="servers on core 0, clients on core 1; otherwise both on any")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds = 1
    return options


def some_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """Reads a list of names."""

    def names_in(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"there is no {name!r}; there are {', '.join(known)}")
        return names

    return names_in


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
