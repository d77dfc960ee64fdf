"""What is counted, for people and for programs: a page, JSON, and Prometheus text.

The views are ``async def``: they answer from the event loop while all worker threads are busy. They are views of the
application, so that its ``before_request`` functions (a log-in, say) stand in front of them.
"""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, jsonify, request
from jinja2 import Environment, FileSystemLoader
from werkzeug.exceptions import NotFound

from .advice import advice_for
from .chart import bars, saturation_chart
from .prometheus import CONTENT_TYPE, prometheus_text
from .stats import stats_of

if TYPE_CHECKING:
    from jinja2 import Template

    from ..webserver import WebServer
    from .stats import LaneStats

_NAME = "aeros_lanes"

#: Where the page is in debug mode.
DEBUG_PATH = "/_aeros/lanes"

_FILES = Path(__file__).parent / "page"

#: No script or style of anybody else's, none inside the page, and nobody frames it.
_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"

#: Addresses that only this machine has, and the names for it. A name that a stranger can point here (DNS rebinding) is
#: none of them.
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@cache
def _template() -> Template:
    """The page, compiled when an application is to have it: that takes a tenth of what importing the package does."""
    # Not the application's own environment, whose filters and settings belong to its user.
    templates = Environment(loader=FileSystemLoader(_FILES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return templates.get_template("lanes.html")


@cache
def _file(name: str) -> bytes:
    return (_FILES / name).read_bytes()


def lane_pages(path: str, *, local_only: bool = False) -> Blueprint:
    """The page at ``path``, and next to it ``path.json`` and ``path.prom``.

    They show all workers of the server together; ``?worker=PID`` one of them, ``path.prom?worker=all`` each of them.

    :param local_only: 404 for everybody who is not on this machine.
    :raises TypeError: if the path is no string.
    :raises ValueError: if it can be no path of a page.
    """
    pages = Blueprint(_NAME, __name__)
    url = _checked(path)
    _template()  # not while the event loop waits for it
    for suffix, view in (("", _html), (".json", _json), (".prom", _prometheus), (".css", _css), (".js", _js)):
        pages.add_url_rule(url + suffix, view_func=view, methods=["GET"])
    if local_only:
        pages.before_request(_refuse_strangers)
    pages.after_request(_harden)
    return pages


def is_page(endpoint: str) -> bool:
    """Whether an endpoint is one of the pages. They stand in the figures, and are not the application's."""
    return endpoint.startswith(f"{_NAME}.")


def _checked(path: object) -> str:
    if not isinstance(path, str):
        raise TypeError(f"watch is True, False or a path such as {DEBUG_PATH!r}, not {path!r}.")
    if not path.startswith("/") or path.endswith("/") or set("<>?#%") & set(path) or not path.isprintable():
        raise ValueError(f"The path of the page begins with a slash and ends with a name, as {DEBUG_PATH!r}: {path!r}.")
    return path


async def _html() -> Response:
    stats = await _stats()
    shown = [route for route in stats.routes if not is_page(route.endpoint)]
    busiest = sorted(shown, key=lambda route: -(route.view.total + route.wait.total))
    used = [route for route in busiest if route.requests]
    page = _template().render(
        stats=stats,
        advice=advice_for(stats),
        one_worker=request.args.get("worker"),
        chart=saturation_chart(stats.samples),
        bars=bars(used[:20]),
        used=used,
        unused=[route for route in shown if not route.requests],
        minutes=_minutes(stats),
        page=request.path.rpartition("/")[2],
    )
    return Response(page, content_type="text/html; charset=utf-8")


async def _json() -> Response:
    return jsonify((await _stats()).as_dict())


async def _prometheus() -> Response:
    every = request.args.get("worker") == "all"
    return Response(prometheus_text(*await _workers() if every else [await _stats()]), content_type=CONTENT_TYPE)


async def _css() -> Response:
    return Response(_file("lanes.css"), content_type="text/css; charset=utf-8")


async def _js() -> Response:
    return Response(_file("lanes.js"), content_type="text/javascript; charset=utf-8")


async def _refuse_strangers() -> None:
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    if not _is_local(request.remote_addr) or host not in _LOCAL_NAMES:
        raise NotFound()


def _is_local(address: str | None) -> bool:
    return address is not None and (address.startswith("127.") or address == "::1")


async def _harden(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _app() -> WebServer:
    app: Any = current_app
    server: WebServer = app._get_current_object()
    return server


async def _stats() -> LaneStats:
    """All workers added up, or the one that was asked for. Raises NotFound if it is not there."""
    pid = request.args.get("worker")
    if pid is None:
        # On a thread, and on none of the workers': it reads files where there are several processes.
        return await asyncio.to_thread(_app().lane_stats, all_workers=True)
    for stats in await _workers():
        if str(stats.pid) == pid:
            return stats
    raise NotFound("There is no such worker, or no more.")


async def _workers() -> list[LaneStats]:
    app = _app()
    sharing = app.watch.sharing if app.watch is not None else None
    return [stats_of(app)] if sharing is None else await asyncio.to_thread(sharing.all_workers, app)


def _minutes(stats: LaneStats) -> list[tuple[float, float, int, int, float]]:
    """The samples by minutes, for those who read numbers: end, mean and highest saturation, queue, delay."""
    rows = []
    for first in range(len(stats.samples) % 60 - 60, len(stats.samples), 60):
        part = stats.samples[max(0, first) : first + 60]
        if part:
            mean = sum(sample.saturation for sample in part) / len(part)
            queue, leases = max(sample.waiting for sample in part), max(sample.leases for sample in part)
            rows.append((part[-1].at, mean, queue, leases, max(sample.loop_delay for sample in part)))
    return rows[::-1]
