"""The application of the tests of leaks, and what endurance needs besides."""

from __future__ import annotations

import asyncio
import os
import time

from ..gateway.counting import app

__all__ = ["app"]


@app.get("/sync/slow")
def sync_slow() -> str:
    time.sleep(0.05)
    return str(os.getpid())


@app.get("/async/slow")
async def async_slow() -> str:
    await asyncio.sleep(0.05)
    return str(os.getpid())


@app.get("/stop")
def stop() -> str:
    app.stop()
    return "stopping"


@app.after_serving
def say_so() -> None:
    print("after serving", os.getpid(), flush=True)
