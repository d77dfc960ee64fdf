"""Where the workers of one server leave their figures for each other: a directory, with a file for each of them.

Files and no sockets: nobody has to be asked, so nobody has to answer in time, and what a worker has counted outlives
it. A worker that is killed takes the last second with it. The directory is the supervisor's, which removes it in the
end; nobody but its user can read it.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .durations import DurationStats
from .history import Sample
from .sockets import WebsocketStats
from .stats import LaneStats, LoopStats, ThreadStats
from .tally import RouteStats
from .together import together
from .watchdog import Block

if TYPE_CHECKING:
    from collections.abc import Collection

#: A worker that has written nothing for so long, in seconds, hangs: its threads are of no use. One that has ended is
#: taken out by the supervisor before that.
SILENCE = 15.0

#: What all workers have counted that have been taken out of the directory.
_ENDED = "ended.json"


class Ledger:
    """The directory. Workers write their own files, and read all of them; only the supervisor takes files out."""

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)

    def write(self, stats: LaneStats) -> None:
        """Leave the figures of one process, in place of its last ones."""
        used = tuple(route for route in stats.routes if route.requests)
        self._put(f"{stats.pid}.json", replace(stats, routes=used), [])

    def read(self) -> tuple[list[LaneStats], list[LaneStats]]:
        """The figures of the workers that are there, and of those that have ended."""
        while True:
            with suppress(FileNotFoundError):  # taken out in between: its figures are in another file now
                return self._read()

    def fold(self, living: Collection[int | None]) -> None:
        """Add up the files of all workers but those: a thousand of them, one after the other, leave no thousand files.

        For one process at a time.
        """
        gone = [path for path in self._files() if path.name != _ENDED and int(path.stem) not in living]
        if gone:
            ended = [path for path in self._files() if path.name == _ENDED]
            figures = [_stats(json.loads(path.read_bytes())["stats"]) for path in (*ended, *gone)]
            self._put(_ENDED, together(0, [], figures), [path.name for path in gone])
            for path in gone:
                path.unlink()

    def _files(self) -> list[Path]:
        return list(self._directory.glob("*.json"))

    def _read(self) -> tuple[list[LaneStats], list[LaneStats]]:
        found = {path.name: json.loads(path.read_bytes()) for path in self._files()}
        included = found[_ENDED]["included"] if _ENDED in found else ()
        heard = time.time() - SILENCE
        living: list[LaneStats] = []
        ended: list[LaneStats] = []
        for name, file in found.items():
            stats = _stats(file["stats"])
            if name not in included:
                (living if name != _ENDED and stats.at >= heard else ended).append(stats)
        return living, ended

    def _put(self, name: str, stats: LaneStats, included: list[str]) -> None:
        """Write a file at once: whoever reads has the old one or the new one.

        :param included: files whose figures are part of these, and which are about to be removed.
        """
        new = self._directory / f"{name}.new"
        new.write_text(json.dumps({"stats": stats.as_dict(), "included": included}))
        new.replace(self._directory / name)


def _stats(tree: dict[str, Any]) -> LaneStats:
    """What ``as_dict()`` was made of."""
    loop = tree["loop"]
    longest = loop["longest_block"]
    return LaneStats(
        **tree
        | {
            "threads": ThreadStats(**tree["threads"]),
            "loop": LoopStats(loop["blocks"], _block(longest) if longest else None, tuple(map(_block, loop["places"]))),
            "routes": tuple(map(_route, tree["routes"])),
            "samples": tuple(Sample(**sample) for sample in tree["samples"]),
            "websockets": tuple(WebsocketStats(**route) for route in tree["websockets"]),
            "workers": (),
        }
    )


def _block(tree: dict[str, Any]) -> Block:
    return Block(**tree | {"stack": tuple(tree["stack"])})


def _route(tree: dict[str, Any]) -> RouteStats:
    view, wait = (DurationStats(**tree[name] | {"buckets": tuple(tree[name]["buckets"])}) for name in ("view", "wait"))
    return RouteStats(**tree | {"view": view, "wait": wait})
