"""All the rules, in the order in which they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rules import block, bridge, futures, redis, requests, sleep, subprocess, thread
from .source import CannotMigrate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .rule import Rule

RULES = (sleep.RULE, requests.RULE, redis.RULE, futures.RULE, subprocess.RULE, bridge.RULE, thread.RULE, block.RULE)


def selected(only: Sequence[str], skipped: Sequence[str]) -> list[Rule]:
    """The rules that are asked for.

    Raises:
        CannotMigrate: There is no rule of that name.
    """
    names = [rule.name for rule in RULES]
    for name in (*only, *skipped):
        if name not in names:
            raise CannotMigrate(f"There is no rule {name!r}. The rules are {', '.join(names)}.")
    return [rule for rule in RULES if (not only or rule.name in only) and rule.name not in skipped]
