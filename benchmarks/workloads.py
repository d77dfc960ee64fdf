"""What servers are asked for, and what they have to answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .content import (
    ADDRESS_FORWARDED,
    ADDRESS_OF_PEER,
    BLUEPRINTS,
    CHUNK,
    CHUNKS,
    DOCUMENT,
    ECHOED,
    FILES,
    FORWARDED,
    MANY_ROWS,
    TEXT,
    UPLOAD,
    VIEWS,
    as_json,
    file_content,
    rows_as_html,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

HTML, JSON, PLAIN = "text/html", "application/json", "text/plain"


@dataclass(frozen=True)
class Workload:
    """A request, sent over and over, and its answer."""

    name: str
    title: str
    #: The body, decompressed.
    answer: bytes
    media_type: str = HTML
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Of a POST; without one it is a GET.
    body: bytes | None = None
    #: Where a session begins: its cookie is sent with every request.
    session_from: str | None = None
    #: Whether the answer sets a cookie.
    sets_cookie: bool = False
    content_encoding: str | None = None
    connections: int = 32
    #: The workload that our own lanes serve too, in the same rounds, to be compared with.
    beside: str | None = None


_LAST_ROUTE = f"/b{BLUEPRINTS - 1}/v{VIEWS - 1}/5"

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("text", "text", TEXT.encode()),
        Workload("json", "JSON", as_json(DOCUMENT), JSON),
        Workload(
            "echo", "echo of 1 KB of JSON", as_json(ECHOED), JSON, headers={"Content-Type": JSON}, body=as_json(ECHOED)
        ),
        Workload("template", "template of 50 rows", rows_as_html()),
        Workload("session", "signed session, changed", b"2 visits", session_from="/", sets_cookie=True),
        Workload("blocking", "10 ms in a blocking call", TEXT.encode()),
        Workload("hooks", "6 sync hooks", TEXT.encode()),
        Workload("routes", "300 routes in blueprints", b"5", path=_LAST_ROUTE, beside="few_routes"),
        Workload("few_routes", "10 routes in a blueprint", b"5", path="/b0/v9/5"),
        Workload("static_10k", "static file of 10 KB", file_content(FILES["10k.txt"]), PLAIN, "/static/10k.txt"),
        Workload("static_1m", "static file of 1 MB", file_content(FILES["1m.txt"]), PLAIN, "/static/1m.txt"),
        Workload("stream", "stream of 100 chunks of 1 KB", CHUNK * CHUNKS, PLAIN),
        Workload("upload", "upload of 10 MB, 8 connections", str(len(UPLOAD)).encode(), body=UPLOAD, connections=8),
        Workload("cached", "cached view", as_json(DOCUMENT), JSON),
        Workload(
            "compressed",
            "20 KB of JSON, compressed",
            as_json(MANY_ROWS),
            JSON,
            headers={"Accept-Encoding": "gzip"},
            content_encoding="gzip",
        ),
        Workload("mounted", "mounted WSGI application", TEXT.encode(), PLAIN, "/mounted/page"),
        Workload("proxyfix", "ProxyFix", ADDRESS_FORWARDED.encode(), headers=FORWARDED, beside="no_proxyfix"),
        Workload("no_proxyfix", "the same without ProxyFix", ADDRESS_OF_PEER.encode(), headers=FORWARDED),
        Workload("login", "Flask-Login and session", b"Hello 7", session_from="/login"),
        Workload("wait", "10 ms in an await, 256 connections", TEXT.encode(), connections=256),
    )
}

#: Those that are only there to be compared with.
BASELINES = frozenset(workload.beside for workload in WORKLOADS.values() if workload.beside)
