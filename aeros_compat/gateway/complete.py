"""Responses of Werkzeug that are complete, without the way through WSGI."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as WerkzeugResponse

from ..upstream import response_closes_nothing
from .answer import Answer, encode_headers, fit_for_asgi

if TYPE_CHECKING:
    from collections.abc import Hashable

    from werkzeug.wrappers import Response

    from ..types import Headers as EncodedHeaders

#: The methods that make a response a WSGI application. A class with one of its own is called as one.
_WSGI = ("__call__", "get_wsgi_response", "get_wsgi_headers", "get_app_iter", "iter_encoded", "is_sequence")

#: The attribute of a response that has what it comes to.
_PREPARED = "aeros_compat_prepared"

#: Headers that ``get_wsgi_headers`` may change.
_CHANGED = frozenset({"location", "content-location"})


class Prepared:
    """What a response that is made again and again comes to, as long as nobody changes it."""

    def __init__(self, response: Response, answer: Answer) -> None:
        self._given = list(response.headers)
        self._status = answer.status
        self._headers = answer.headers
        self._body = answer.body
        start = answer.start_message()
        self._encoded: EncodedHeaders = fit_for_asgi({**start, "headers": encode_headers(answer.headers)})["headers"]

    def is_that_of(self, response: Response) -> bool:
        """Whether ``response`` is still what it was made as."""
        pieces: Any = response.response
        return (
            type(pieces) is list
            and len(pieces) == 1
            and pieces[0] is self._body
            and not response.direct_passthrough
            and response.automatically_set_content_length
            and type(response.headers) is Headers
            and list(response.headers) == self._given
            and response.status == self._status
            and response_closes_nothing(response)
        )

    def answer(self) -> Answer:
        answer = Answer(self._status, self._headers[:])
        answer.body, answer.length, answer.encoded = self._body, len(self._body), self._encoded[:]
        return answer


def prepare(response: Response) -> None:
    """Have :func:`complete_answer` know what it comes to for copies of ``response``'s attributes."""
    answer = complete_answer(response)
    pieces: Any = response.response
    if answer is not None and type(pieces) is list and len(pieces) == 1 and pieces[0] is answer.body:
        vars(response)[_PREPARED] = Prepared(response, answer)


def complete_answer(response: Response) -> Answer | None:
    """The answer that calling ``response`` would come to, if all of it is there; None if it has to be called."""
    prepared: Prepared | None = vars(response).get(_PREPARED)
    if prepared is not None and prepared.is_that_of(response):
        return prepared.answer()
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
