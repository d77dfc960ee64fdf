"""Flask, as it is written: for every WSGI server, and, unchanged but for the class, for the sync lane."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, g, jsonify, render_template, request, session
from flask_caching import Cache
from flask_compress import Compress
from flask_login import (  # type: ignore[import-untyped]
    LoginManager,
    UserMixin,
    current_user,
    login_required,
    login_user,
)
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from ..content import (
    BLUEPRINTS,
    CHUNK,
    CHUNKS,
    DOCUMENT,
    GZIP_LEVEL,
    MANY_ROWS,
    ROWS,
    SECRET_KEY,
    STATIC,
    TEMPLATES,
    TEXT,
    VIEWS,
    WAIT,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: The constructor's arguments, for the WebServer too.
FOLDERS: dict[str, Any] = {"static_folder": STATIC, "template_folder": TEMPLATES}

# waitress warns for each request that waits for a thread, which is an access log of a kind.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def application(workload: str) -> Flask:
    app = Flask("benchmarks", **FOLDERS)
    app.secret_key = SECRET_KEY
    WORKLOADS[workload](app)
    return app


def text(app: Flask) -> None:
    @app.get("/")
    def view() -> str:
        return TEXT


def json(app: Flask) -> None:
    @app.get("/")
    def view() -> Response:
        return jsonify(DOCUMENT)


def echo(app: Flask) -> None:
    @app.post("/")
    def view() -> Response:
        return jsonify(request.get_json())


def template(app: Flask) -> None:
    @app.get("/")
    def view() -> str:
        return render_template("rows.html", title="Rows", rows=ROWS)


def signed_session(app: Flask) -> None:
    @app.get("/")
    def view() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return f"{session['visits']} visits"


def blocking(app: Flask) -> None:
    @app.get("/")
    def view() -> str:
        time.sleep(WAIT)
        return TEXT


def add_hooks(app: Flask) -> None:
    """What applications do there: three functions before a view, two after it, one at the end."""

    @app.before_request
    def note_start() -> None:
        g.start = time.perf_counter()

    @app.before_request
    def note_language() -> None:
        g.language = request.headers.get("Accept-Language", "en")

    @app.before_request
    def note_user() -> None:
        g.user = None

    @app.after_request
    def forbid_frames(response: Response) -> Response:
        response.headers["X-Frame-Options"] = "DENY"
        return response

    @app.after_request
    def measure(response: Response) -> Response:
        response.headers["Server-Timing"] = f"app;dur={1000 * (time.perf_counter() - g.start):.1f}"
        return response

    @app.teardown_request
    def forget(error: BaseException | None) -> None:
        g.pop("user", None)


def hooks(app: Flask) -> None:
    add_hooks(app)
    text(app)


def numbered_blueprint(number: int, views: int, view: Callable[..., Any]) -> Blueprint:
    """A blueprint at ``/b<number>`` with ``view`` at so many rules."""
    blueprint = Blueprint(f"b{number}", "benchmarks", url_prefix=f"/b{number}")
    for index in range(views):
        blueprint.add_url_rule(f"/v{index}/<int:value>", f"v{index}", view)
    return blueprint


def _show_value(value: int) -> str:
    return str(value)


def routes(app: Flask) -> None:
    for number in range(BLUEPRINTS):
        app.register_blueprint(numbered_blueprint(number, VIEWS, _show_value))


def few_routes(app: Flask) -> None:
    app.register_blueprint(numbered_blueprint(0, 10, _show_value))


def static(app: Flask) -> None:
    """Flask has the route already."""


def stream(app: Flask) -> None:
    @app.get("/")
    def view() -> Response:
        return Response((CHUNK for _ in range(CHUNKS)), mimetype="text/plain")


def upload(app: Flask) -> None:
    @app.post("/")
    def view() -> str:
        size = 0
        while chunk := request.stream.read(65536):
            size += len(chunk)
        return str(size)


def cached(app: Flask) -> None:
    cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})

    @app.get("/")
    @cache.cached(timeout=300)
    def view() -> Response:
        return jsonify(DOCUMENT)


def many_rows(app: Flask) -> None:
    @app.get("/")
    def view() -> Response:
        return jsonify(MANY_ROWS)


def compressed(app: Flask) -> None:
    app.config.update(COMPRESS_ALGORITHM=["gzip"], COMPRESS_LEVEL=GZIP_LEVEL)
    Compress(app)
    many_rows(app)


def legacy(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A WSGI application without a framework."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(TEXT)))])
    return [TEXT.encode()]


def mounted(app: Flask) -> None:
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/mounted": legacy})  # type: ignore[method-assign]


def no_proxyfix(app: Flask) -> None:
    @app.get("/")
    def view() -> str:
        return f"{request.remote_addr} {request.scheme}"


def proxyfix(app: Flask) -> None:
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    no_proxyfix(app)


class User(UserMixin):  # type: ignore[misc]
    def __init__(self, user_id: str) -> None:
        self.id = user_id


def add_login(app: Flask) -> None:
    manager = LoginManager(app)
    manager.user_loader(User)

    @app.get("/login")
    def log_in() -> str:
        login_user(User("7"))
        return TEXT


def login(app: Flask) -> None:
    add_login(app)

    @app.get("/")
    @login_required  # type: ignore[untyped-decorator]
    def view() -> str:
        return f"Hello {current_user.id}"


WORKLOADS: dict[str, Callable[[Flask], None]] = {
    "text": text,
    "json": json,
    "echo": echo,
    "template": template,
    "session": signed_session,
    "blocking": blocking,
    "hooks": hooks,
    "routes": routes,
    "few_routes": few_routes,
    "static_10k": static,
    "static_1m": static,
    "stream": stream,
    "upload": upload,
    "cached": cached,
    "compressed": compressed,
    "mounted": mounted,
    "proxyfix": proxyfix,
    "no_proxyfix": no_proxyfix,
    "login": login,
}
