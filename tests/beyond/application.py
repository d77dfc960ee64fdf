"""One of several instances: what they share is in Redis, and where that is stands in the environment."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import flask
import quart
import redis
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_session import Session  # type: ignore[import-untyped]
from quart.utils import run_sync
from werkzeug.middleware.proxy_fix import ProxyFix

from aeros_compat import RedisCache, WebServer

if TYPE_CHECKING:
    from collections.abc import Iterator


def create_app() -> WebServer:
    redis_url = os.environ["REDIS_URL"]
    app = WebServer(__name__, cache=RedisCache(redis_url))
    app.config.from_prefixed_env()  # FLASK_SECRET_KEY, FLASK_SECRET_KEY_FALLBACKS, FLASK_SESSION_TYPE
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    if app.config.get("SESSION_TYPE") == "redis":
        app.config["SESSION_REDIS"] = redis.from_url(redis_url)
        Session(app)
    limiter = Limiter(get_remote_address, app=app, storage_uri=redis_url)
    instance = os.environ["INSTANCE"]

    @app.after_request
    def name_the_instance(response: flask.Response) -> flask.Response:
        response.headers["X-Instance"] = instance
        return response

    store = redis.from_url(redis_url)
    app.register_blueprint(sync_views(app, limiter, store))
    app.register_blueprint(async_views(app, limiter, store))
    add_views_of_the_proxy(app, store)
    return app


def sync_views(app: WebServer, limiter: Limiter, store: redis.Redis) -> flask.Blueprint:
    views = flask.Blueprint("sync", __name__, url_prefix="/sync")

    @views.post("/login")
    def login() -> str:
        flask.session["user"] = flask.request.form["user"]
        return "welcome"

    @views.get("/user")
    def user() -> str:
        return str(flask.session.get("user"))

    @views.get("/cached")
    @app.cache(timeout=60)
    def cached() -> str:
        return str(store.incr("computed:sync"))

    @views.get("/limited")
    @limiter.limit("5 per hour")
    def limited() -> str:
        return "in time"

    @views.get("/seen")
    def seen() -> dict[str, str | None]:
        return what_is_seen()

    @views.get("/work")
    def work() -> str:
        time.sleep(0.02)
        return "done"

    return views


def async_views(app: WebServer, limiter: Limiter, store: redis.Redis) -> flask.Blueprint:
    views = flask.Blueprint("async", __name__, url_prefix="/async")

    @views.post("/login")
    async def login() -> str:
        flask.session["user"] = (await quart.request.form)["user"]
        return "welcome"

    @views.get("/user")
    async def user() -> str:
        return str(flask.session.get("user"))

    @views.get("/cached")
    @app.cache(timeout=60)
    async def cached() -> str:
        return str(await run_sync(store.incr)("computed:async"))

    @views.get("/limited")
    @limiter.limit("5 per hour")
    async def limited() -> str:
        return "in time"

    @views.get("/seen")
    async def seen() -> dict[str, str | None]:
        return what_is_seen()

    @views.get("/work")
    async def work() -> str:
        await run_sync(time.sleep)(0.02)
        return "done"

    return views


def what_is_seen() -> dict[str, str | None]:
    request = flask.request
    return {
        "client": request.remote_addr,
        "host": request.host,
        "link": flask.url_for("size", _external=True),
        "root": request.script_root,
    }


def add_views_of_the_proxy(app: WebServer, store: redis.Redis) -> None:
    """What a proxy can get wrong: large bodies, streams and websockets."""

    @app.post("/size")
    def size() -> str:
        return str(len(flask.request.data))

    @app.get("/events")
    def events() -> flask.Response:
        def ticks() -> Iterator[str]:
            yield "data: first\n\n"
            while not store.exists("first event has arrived"):
                time.sleep(0.01)
            yield "data: second\n\n"

        return flask.Response(ticks(), mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})

    @app.websocket("/echo")
    async def echo() -> None:
        await quart.websocket.send(await quart.websocket.receive())
