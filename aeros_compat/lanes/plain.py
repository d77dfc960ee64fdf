"""Answers on the short way: what nobody looks at between the view and the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response
from werkzeug.utils import get_content_type

from ..gateway.answer import Answer
from ..gateway.complete import complete_answer
from ..json_provider import json_text
from ..upstream import new_response

if TYPE_CHECKING:
    from ..webserver import WebServer
    from .around import Around

_TEXT = "text/html; charset=utf-8"  # what Flask's class of response says of itself


def plain_answer(app: WebServer, rv: Any, around: Around) -> Answer | None:
    """What Flask's ``make_response`` and its response would make of ``rv``; None if that takes more than this."""
    kind = type(rv)
    if kind is str:
        return _answer(rv.encode(), _TEXT)
    if kind is bytes:
        return _answer(rv, _TEXT)
    if (kind is dict or kind is list) and around.has_plain_json:
        provider: Any = app.json
        return _answer(json_text(app, provider, rv).encode(), get_content_type(provider.mimetype, "utf-8"))
    return complete_answer(rv) if isinstance(rv, Response) else None


def plain_response(app: WebServer, rv: Any, around: Around) -> Response:
    """What Flask's ``make_response`` makes of ``rv``."""
    if around.answers_plainly:
        if type(rv) is str:
            return new_response(rv.encode(), _TEXT)
        if type(rv) is bytes:
            return new_response(rv, _TEXT)
    return app.make_response(rv)


def _answer(body: bytes, content_type: str) -> Answer:
    length = len(body)
    text = str(length)
    answer = Answer("200 OK", [("Content-Type", content_type), ("Content-Length", text)])
    answer.encoded = [(b"content-type", content_type.encode("latin-1")), (b"content-length", text.encode())]
    answer.body = body
    answer.length = length
    return answer
