"""Responses of Werkzeug that are complete, without the way through WSGI."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as WerkzeugResponse

from ..upstream import parts_of
from .answer import Answer, ends_line

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from ..types import Headers as ASGIHeaders

#: The methods that make a response a WSGI application, and what they look at. A class with one of its own is called as
#: one.
_WSGI = (
    "__call__",
    "close",
    "get_app_iter",
    "get_wsgi_headers",
    "get_wsgi_response",
    "is_sequence",
    "iter_encoded",
    "status",
    "status_code",
)

#: Characters of the value of a header that is remembered with its bytes. Longer ones, and cookies, seldom come twice.
_SHORT = 100

#: Headers that ``get_wsgi_headers`` may change, and one that is not the view's (see ``fit_for_asgi``).
_NEEDS_MORE = frozenset({b"location", b"content-location", b"date"})


def complete_answer(response: Response) -> Answer | None:
    """The answer that calling ``response`` would come to, if all of it is there; None if it has to be called.

    So it is where something about it is unusual, or wrong: what is said of that is said in one place.
    """
    if not _is_werkzeugs(type(response)):  # type: ignore[arg-type]  # an after_request function may have returned anything
        return None
    if type(response.headers) is not Headers:  # a view may have put a dictionary in its place: Werkzeug copies it
        return None
    parts = parts_of(response)
    if parts is None or response.direct_passthrough:
        return None
    pieces, status, number, headers = parts
    if type(pieces) is not list or not 200 <= number <= 599 or number in (204, 304):
        return None
    body = pieces[0] if len(pieces) == 1 and type(pieces[0]) is bytes else _joined(response)
    if body is None:
        return None
    headers = headers.copy()
    encoded = _encoded(headers, len(body))
    if encoded is None:
        return None
    if len(encoded) == len(headers) + 1:
        if not response.automatically_set_content_length:
            return None
        headers.append(("Content-Length", str(len(body))))
    answer = Answer(status, headers)
    answer.body, answer.length, answer.encoded = body, len(body), encoded
    return answer


def _joined(response: Response) -> bytes | None:
    pieces = list(response.iter_encoded())
    # What is not bytes breaks the rules of WSGI: it is called, and fails.
    return b"".join(pieces) if all(isinstance(piece, bytes) for piece in pieces) else None


def _encoded(headers: list[tuple[str, str]], size: int) -> ASGIHeaders | None:
    """The headers as ASGI has them, with a Content-Length; None if one of them needs more than to be encoded."""
    encoded: ASGIHeaders = []
    has_length = False
    for name, value in headers:
        is_usual = len(value) <= _SHORT and name != "Set-Cookie"
        header = _encoded_header(name, value) if is_usual else _encoded_header.__wrapped__(name, value)
        if header is None:
            return None
        if header[0] == b"content-length":
            if has_length or value != str(size):
                return None
            has_length = True
        encoded.append(header)
    if not has_length:
        encoded.append((b"content-length", str(size).encode()))
    return encoded


@lru_cache(1024)  # views write headers; most write the same few
def _encoded_header(name: str, value: str) -> tuple[bytes, bytes] | None:
    """A header as ASGI has it; None if that takes more than to encode it."""
    try:
        key, text = name.lower().encode("latin-1"), value.encode("latin-1")
    except UnicodeError:
        return None
    return None if key in _NEEDS_MORE or ends_line(key) or ends_line(text) else (key, text)


@lru_cache(256)
def _is_werkzeugs(kind: type[object]) -> bool:
    return all(getattr(kind, name, None) is getattr(WerkzeugResponse, name) for name in _WSGI)
