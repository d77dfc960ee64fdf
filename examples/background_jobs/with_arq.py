"""Jobs by arq, whose jobs are coroutines: `aeros-compat run with_arq:app`, and `arq with_arq.Worker` for the jobs."""

import os

from arq import create_pool
from arq.connections import RedisSettings
from arq.jobs import Job
from flask import current_app

from aeros_compat import WebServer, async_to_sync

REDIS = RedisSettings.from_dsn(os.environ.get("REDIS_URL", "redis://localhost:6379/0"))

app = WebServer(__name__)
app.config["TAX"] = 0.25


async def invoice(context, net):
    async with app.app_context():  # as a view has it
        return net * (1 + current_app.config["TAX"])


class Worker:
    functions = [invoice]
    redis_settings = REDIS


@app.while_serving
async def connected():
    app.jobs = await create_pool(REDIS)
    yield
    await app.jobs.aclose()


@app.post("/sync/<int:net>")
def order(net):
    job = async_to_sync(app.jobs.enqueue_job)("invoice", net)  # on the loop that has made the connections
    return {"job": job.job_id}, 202


@app.post("/async/<int:net>")
async def order_async(net):
    job = await app.jobs.enqueue_job("invoice", net)
    return {"job": job.job_id}, 202


@app.get("/jobs/<job>")
async def result(job):
    found = Job(job, app.jobs)
    info = await found.result_info()
    return {"state": await found.status(), "result": info.result if info and info.success else None}
