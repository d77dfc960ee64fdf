"""Responses of Werkzeug that are complete, without the way through WSGI."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as WerkzeugResponse

from ..upstream import response_closes_nothing
from .answer import Answer

if TYPE_CHECKING:
    from collections.abc import Hashable

    from werkzeug.wrappers import Response

#: The methods that make a response a WSGI application. A class with one of its own is called as one.
_WSGI = ("__call__", "get_wsgi_response", "get_wsgi_headers", "get_app_iter", "iter_encoded", "is_sequence")

#: Headers that ``get_wsgi_headers`` may change.
_CHANGED = frozenset({"location", "content-location"})


def complete_answer(response: Response) -> Answer | None:
    """The answer that calling ``response`` would come to, if all of it is there; None if it has to be called."""
    if not _is_werkzeugs(cast("Hashable", type(response))) or response.direct_passthrough or not response.is_sequence:
        return None
    status = response.status_code
    if status < 200 or status in (204, 304) or not response_closes_nothing(response):
        return None
    if type(response.headers) is not Headers:  # a view may have put a dictionary in its place: Werkzeug copies it
        return None
    headers = response.headers.to_wsgi_list()
    length: str | None = None
    for name, value in headers:
        lower = name.lower()
        if lower in _CHANGED or (lower == "content-length" and length is not None):
            return None
        if lower == "content-length":
            length = value
    pieces = list(response.iter_encoded())
    if not all(isinstance(piece, bytes) for piece in pieces):
        return None  # which breaks the rules of WSGI: it is called, and fails
    body = b"".join(pieces)
    if length is None and response.automatically_set_content_length:
        length = str(len(body))
        headers.append(("Content-Length", length))
    if length != str(len(body)):
        return None  # the view has said something else
    answer = Answer(response.status, headers)
    answer.body, answer.length = body, len(body)
    return answer


@lru_cache(256)
def _is_werkzeugs(kind: Hashable) -> bool:
    return all(getattr(kind, name, None) is getattr(WerkzeugResponse, name) for name in _WSGI)
