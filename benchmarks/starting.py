"""How soon a server answers, and how much memory it takes before it has much to do."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .processes import CannotMeasure, Server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .measurement import Rounds
    from .peers import Peer


@dataclass
class Start:
    """What a peer has taken, start by start."""

    peer: str
    #: From the start of the process to its first answer.
    seconds: list[float] = field(default_factory=list)
    #: Bytes, resident, after its first answer.
    memory: list[int] = field(default_factory=list)

    @property
    def first_answer(self) -> float:
        return statistics.median(self.seconds)

    @property
    def idle_memory(self) -> float:
        return statistics.median(self.memory)


def measure_starts(peers: Iterable[Peer], rounds: Rounds) -> list[Start]:
    """Start each peer again and again, one at a time; one that does not start is told and left out."""
    starts = {peer.name: (peer, Start(peer.name)) for peer in peers}
    for _ in range(rounds.count):
        for peer, start in list(starts.values()):
            try:
                with Server(peer, "text", core=rounds.server_core) as server:
                    start.seconds.append(server.wait_until_it_answers())
                    start.memory.append(server.memory())
            except CannotMeasure as error:
                rounds.tell(str(error))
                del starts[peer.name]
    return [start for _, start in starts.values()]
