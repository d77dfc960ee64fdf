"""The application of the tests of leaks, and what endurance needs besides."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import flask
from flask.ctx import AppContext, RequestContext

from aeros_compat.exchange import Exchange
from aeros_compat.serving import ending
from aeros_compat.webserver import WORKER_THREADS

from ..gateway.counting import app

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["app"]

# A machine that stops for longer than half a second would make clients late, and the server right to close.
ending.LAST_REQUESTS = 5.0


@app.get("/sync/slow")
def sync_slow() -> str:
    time.sleep(0.05)
    return str(os.getpid())


@app.get("/async/slow")
async def async_slow() -> str:
    await asyncio.sleep(0.05)
    return str(os.getpid())


meeting = threading.Barrier(WORKER_THREADS)


@app.get("/meet")
def meet() -> str:
    """Answers when as many of these run at once as there are worker threads."""
    meeting.wait(60)
    return "met"


@app.get("/sync/error")
def sync_error() -> str:
    raise ValueError("wrong")


@app.get("/async/error")
async def async_error() -> str:
    raise ValueError("wrong")


@app.errorhandler(ValueError)
def handle(error: ValueError) -> tuple[str, int]:
    return str(error), 418


@app.get("/sync/broken")
def sync_broken() -> Any:
    """A stream that fails in the middle."""
    return flask.Response(iter(_Broken()))


@app.get("/async/broken")
async def async_broken() -> Any:
    return flask.Response(iter(_Broken()))


class _Broken:
    def __iter__(self) -> Iterator[str]:
        yield "first"
        raise ValueError("wrong")


@app.get("/contexts")
async def contexts() -> Any:
    """What requests leave behind if something keeps them, after everything that nobody keeps has gone."""
    gc.collect()
    everything = gc.get_objects()
    kinds = (Exchange, AppContext, RequestContext)
    return {
        "contexts": sum(isinstance(each, kinds) for each in everything),
        # Those of Python's. Each thread has one of its own.
        "variables": sum(isinstance(each, contextvars.Context) for each in everything) - threading.active_count(),
    }


@app.get("/stop")
def stop() -> str:
    app.stop()
    return "stopping"


@app.after_serving
def say_so() -> None:
    print("after serving", os.getpid(), flush=True)
