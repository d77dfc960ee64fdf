"""What is stored of a response: status, headers and body, in a format of our own that no other version misreads."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flask import current_app
from werkzeug.wrappers import Response as WerkzeugResponse

from ..upstream import copy_of

if TYPE_CHECKING:
    from flask.wrappers import Request, Response

#: Begins every entry. Change it with the format: entries of another one count as misses.
MAGIC = b"aeros_compat response 1\n"

#: Headers that belong to one message and not to the response (RFC 9110 section 7.6.1; servers write the date).
_NOT_STORED = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"})


@dataclass(frozen=True)
class Record:
    """A stored response.

    ``stored`` and ``expires`` are seconds since the epoch; an ``expires`` of 0 is never. ``vary`` has the request
    headers that the response says it depends on, with the values that it was made for. ``tags`` has the versions of the
    tags when its computation began.
    """

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    stored: float
    expires: float
    vary: dict[str, str]
    tags: dict[str, str]

    @classmethod
    def of(cls, response: Response, request: Request, seconds: int, tags: dict[str, str]) -> Record:
        """The record of a complete response that is fresh for ``seconds`` (0: for ever)."""
        now = time.time()
        return cls(
            status=response.status,
            headers=[header for header in response.headers if header[0].lower() not in _NOT_STORED],
            body=response.get_data(),
            stored=now,
            expires=now + seconds if seconds else 0,
            vary={name.lower(): request.headers.get(name, "") for name in response.vary},
            tags=tags,
        )

    def response(self) -> Response:
        """A response of the current application's class."""
        response_class: type[Response] = current_app.response_class
        if response_class.__init__ is not WerkzeugResponse.__init__:
            return response_class(self.body, status=self.status, headers=self.headers)
        made = self._made.get(response_class)
        if made is None:
            made = self._made[response_class] = response_class(self.body, status=self.status, headers=self.headers)
        return copy_of(made)

    @cached_property
    def _made(self) -> dict[type[Response], Response]:
        return {}

    def ttl(self) -> float:
        """Seconds for which it is fresh; negative when it is stale.

        One that was stored in the future is stale: the clock has been set back, and it would stay for as long. Clocks
        of several machines may differ, but not by the time for which it is fresh.
        """
        if not self.expires:
            return float("inf")
        now = time.time()
        ahead = self.stored - now
        return -ahead if ahead > self.expires - self.stored else self.expires - now

    @cached_property
    def is_conditional(self) -> bool:
        """Whether clients may ask if it has changed (RFC 9110 section 13.1)."""
        return any(name.lower() in ("etag", "last-modified") for name, _ in self.headers)

    def suits(self, request: Request) -> bool:
        """Whether the response was made for a request like this one (RFC 9111 section 4.1)."""
        return all(request.headers.get(name, "") == value for name, value in self.vary.items())

    def encode(self) -> bytes:
        fields = asdict(self)
        del fields["body"]
        return MAGIC + json.dumps(fields).encode() + b"\n" + self.body

    @classmethod
    def decode(cls, data: object) -> Record | None:
        """The record in ``data``, or None if it is not one of this format."""
        if not isinstance(data, bytes) or not data.startswith(MAGIC):
            return None
        head, separator, body = data[len(MAGIC) :].partition(b"\n")
        try:
            fields: dict[str, Any] = json.loads(head)
            headers = [(str(name), str(value)) for name, value in fields.pop("headers")]
            return cls(headers=headers, body=body, **fields) if separator else None
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
