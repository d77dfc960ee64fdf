"""The application of test_processes: its computations are counted in Redis, where all processes see them."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import redis

from aeros_compat import RedisCache, WebServer

if TYPE_CHECKING:
    from flask import Response

PORT = int(os.environ["TESTS_REDIS_PORT"])

app = WebServer(__name__, cache=RedisCache("127.0.0.1", PORT, connect_timeout=10, read_timeout=10))
counters = redis.Redis(port=PORT)


@app.after_request
async def name_the_process(response: Response) -> Response:
    response.headers["X-Process"] = str(os.getpid())
    return response


@app.route("/sync")
@app.cache(timeout=60)
def sync() -> str:
    number = counters.incr("computed:sync")
    time.sleep(0.7)
    return f"{number}"


@app.route("/async")
@app.cache(timeout=60)
async def awaited() -> str:
    number = counters.incr("computed:async")
    await asyncio.sleep(0.7)
    return f"{number}"


@app.route("/dies")
@app.cache(timeout=60)
async def dies() -> str:
    """The first process that computes it dies of it, with the lock in its hand."""
    if counters.incr("computed:dies") == 1:
        os._exit(1)
    return "computed"


@app.route("/pid")
async def pid() -> str:
    await asyncio.sleep(0.05)
    return str(os.getpid())
