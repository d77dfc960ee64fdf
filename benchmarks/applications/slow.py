"""Sync views that take their time, to see what becomes of others beside them."""

from __future__ import annotations

import time

#: Seconds: what a slow view waits, and what a busy one computes.
SLOW, BUSY = 0.05, 0.01


def slow() -> str:
    time.sleep(SLOW)
    return "slow"


def busy() -> str:
    end = time.thread_time() + BUSY
    while time.thread_time() < end:
        sum(range(100))
    return "busy"
