"""Which encoding a client gets (RFC 9110 section 12.5.3), and what its entity tags say about encoded responses."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

if TYPE_CHECKING:
    from ..types import Headers

#: A strong tag with the suffix of flask-compress: the encoded bytes are another representation (RFC 9110 section 8.8.3)
_ENCODED_TAG = re.compile(rb'"([^"]*):(zstd|br|gzip|deflate)"')


@lru_cache(maxsize=512)
def choose(algorithms: tuple[str, ...], accept_encoding: bytes) -> str | None:
    """The algorithm that the client likes best, the first of several equal ones, or None for no encoding.

    As flask-compress has it, except for what it misreads: ``gzip;q=0`` forbids gzip, blanks may stand around ``q``, and
    ``*`` has a quality too.
    """
    accepted = parse_accept_header(accept_encoding.decode("latin-1"), Accept)
    best = max(algorithms, key=accepted.quality, default=None)
    if best is None or accepted.quality(best) <= 0 or accepted.quality(best) < accepted.quality("identity"):
        return None
    return best


def encoded_tag(tag: bytes, algorithm: bytes) -> bytes:
    """The entity tag of the encoded representation. A weak one says nothing about bytes, and stays."""
    return tag[:-1] + b":" + algorithm + b'"' if tag.startswith(b'"') and tag.endswith(b'"') else tag


def with_plain_tags(headers: Headers, accept_encoding: bytes) -> tuple[Headers, dict[bytes, bytes]]:
    """The headers of a request with the application's own tags added to the encoded ones that the client sends.

    The application knows ``"x"``, the client ``"x:br"``. Without this no ``If-None-Match`` would ever give a 304 and
    every ``If-Match`` a 412, the fault of Apache's mod_deflate. The second result leads from the one to the other.
    """
    known: dict[bytes, bytes] = {}

    def added(name: bytes, value: bytes) -> bytes:
        tags = [value]
        for match in _ENCODED_TAG.finditer(value):
            plain, algorithm = b'"' + match[1] + b'"', match[2].decode()
            # A client that no longer takes an encoding needs the other bytes. A write is not about bytes.
            if name == b"if-match" or choose((algorithm,), accept_encoding):
                known.setdefault(plain, match[0])
                tags.append(plain)
        return b", ".join(tags)

    conditional = (b"if-none-match", b"if-match")
    return [(name, added(name, value) if name in conditional else value) for name, value in headers], known
