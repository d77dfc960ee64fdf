"""Jobs by RQ: `aeros-compat run with_rq:app`, and `rq worker --url $REDIS_URL` for the jobs."""

import os

from flask import abort, current_app
from redis import Redis
from rq import Queue

from aeros_compat import WebServer, sync_to_async

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")

app = WebServer(__name__)
app.config["TAX"] = 0.25
queue = Queue(connection=Redis.from_url(REDIS_URL))


def invoice(net):
    with app.app_context():  # as a view has it
        return net * (1 + current_app.config["TAX"])


@app.post("/sync/<int:net>")
def order(net):
    return {"job": queue.enqueue(invoice, net).id}, 202


@app.post("/async/<int:net>")
async def order_async(net):
    job = await sync_to_async(queue.enqueue)(invoice, net)  # it talks to Redis, and would block the event loop
    return {"job": job.id}, 202


@app.get("/jobs/<job>")
def result(job):
    found = queue.fetch_job(job)
    if found is None:
        abort(404)
    return {"state": found.get_status(), "result": found.return_value()}
