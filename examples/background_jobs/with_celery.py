"""Jobs by Celery: `aeros-compat run with_celery:app`, and `celery -A with_celery:celery worker` for the jobs."""

import os

from celery import Celery, Task
from flask import current_app

from aeros_compat import WebServer, sync_to_async

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")

app = WebServer(__name__)
app.config["TAX"] = 0.25


class TaskOfApp(Task):
    """A job runs in the context of the application, as a view does."""

    def __call__(self, *args, **kwargs):
        with app.app_context():
            return super().__call__(*args, **kwargs)


celery = Celery(app.name, broker=REDIS_URL, backend=REDIS_URL, task_cls=TaskOfApp)


@celery.task
def invoice(net):
    return net * (1 + current_app.config["TAX"])


@app.post("/sync/<int:net>")
def order(net):
    return {"job": invoice.delay(net).id}, 202


@app.post("/async/<int:net>")
async def order_async(net):
    job = await sync_to_async(invoice.delay)(net)  # it talks to Redis, and would block the event loop
    return {"job": job.id}, 202


@app.get("/jobs/<job>")
def result(job):
    found = celery.AsyncResult(job)
    return {"state": found.state, "result": found.result if found.successful() else None}
