"""Starlette with sync views, which it runs on threads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response, StreamingResponse

from ..content import CHUNK, CHUNKS, DOCUMENT, MANY_ROWS, ROWS, TEXT, WAIT
from .on_starlette import GZIP, SESSIONS, TEMPLATED, json_response, one_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette
    from starlette.requests import Request


def application(workload: str) -> Starlette:
    return WORKLOADS[workload]()


def text(request: Request) -> Response:
    return HTMLResponse(TEXT)


def json(request: Request) -> Response:
    return json_response(DOCUMENT)


def template(request: Request) -> Response:
    return TEMPLATED.TemplateResponse(request, "rows.html", {"title": "Rows", "rows": ROWS})


def signed_session(request: Request) -> Response:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HTMLResponse(f"{request.session['visits']} visits")


def blocking(request: Request) -> Response:
    time.sleep(WAIT)
    return HTMLResponse(TEXT)


def stream(request: Request) -> Response:
    return StreamingResponse((CHUNK for _ in range(CHUNKS)), media_type="text/plain")


def compressed(request: Request) -> Response:
    return json_response(MANY_ROWS)


WORKLOADS: dict[str, Callable[[], Starlette]] = {
    "text": one_view(text),
    "json": one_view(json),
    "template": one_view(template),
    "session": one_view(signed_session, SESSIONS),
    "blocking": one_view(blocking),
    "stream": one_view(stream),
    "compressed": one_view(compressed, GZIP),
}
