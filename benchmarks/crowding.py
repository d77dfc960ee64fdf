"""How long an async view takes while sync views keep every thread busy."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .load import Wrk
from .peers import ASYNC
from .processes import CannotMeasure, Server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .load import Load
    from .measurement import Rounds
    from .peers import Peer

#: The peers that have sync and async views in one application.
ABLE = frozenset({"starlette", "quart", ASYNC})

#: What runs beside the async view: nothing; views that wait for 50 ms; views that compute for 10 ms.
CROWDS = {"alone": None, "slow": "/slow", "busy": "/busy"}
IN_FLIGHT = 64


@dataclass
class Latency:
    """Of an async view at one connection, round by round, with a crowd beside it."""

    peer: str
    crowd: str
    loads: list[Load] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return statistics.median(load.p50 for load in self.loads)

    @property
    def p99(self) -> float:
        return statistics.median(load.p99 for load in self.loads)


def measure_latencies(peers: Iterable[Peer], rounds: Rounds) -> list[Latency]:
    """Every peer with every crowd, in rounds; one that fails is told and left out."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(Server(peer, "mixed", core=rounds.server_core)) for peer in peers if peer.name in ABLE
        ]
        latencies = {
            (server.peer.name, crowd): Latency(server.peer.name, crowd) for server in servers for crowd in CROWDS
        }
        for _ in range(rounds.count):
            for server in servers:
                for crowd, path in CROWDS.items():
                    try:
                        server.wait_until_it_answers()
                        latencies[server.peer.name, crowd].loads.append(_measure_once(server, path, rounds))
                    except CannotMeasure as error:
                        rounds.tell(str(error))
    return [latency for latency in latencies.values() if latency.loads]


def _measure_once(server: Server, crowd: str | None, rounds: Rounds) -> Load:
    url = f"http://127.0.0.1:{server.port}"
    one = Wrk(f"{url}/", 1, core=rounds.client_core)
    others = Wrk(f"{url}{crowd}", IN_FLIGHT, core=rounds.client_core)
    with others.running() if crowd else nullcontext():
        time.sleep(0.3)
        # One connection has too few requests in a second to tell of one in a hundred.
        return one.run(2 * rounds.seconds)
