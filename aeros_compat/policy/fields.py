"""Header fields: what is one (RFC 9110 section 5), and the few things that every policy does with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..types import Headers, Message

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def is_token(text: object) -> bool:
    """Whether ``text`` can be the name of a field or of a method (RFC 9110 section 5.6.2)."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


def encoded_field(name: object, value: object, setting: str) -> tuple[bytes, bytes]:
    """A field as ASGI sends it. Raises TypeError or ValueError, which name the ``setting``, for what can be none."""
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError(f"{setting}: names and values of headers are strings, not {name!r}: {value!r}.")
    if not is_token(name):
        raise ValueError(f"{setting}: {name!r} cannot be the name of a header (RFC 9110 section 5.1).")
    # A line break would let whoever writes the value add headers of its own (response splitting).
    if any(ord(character) < 32 and character != "\t" for character in value) or "\x7f" in value:
        raise ValueError(f"{setting}: the value of {name!r} has a line break or another control character: {value!r}.")
    try:
        return name.lower().encode(), value.strip(" \t").encode("latin-1")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{setting}: the value of {name!r} has characters outside latin-1, which no header can carry: {value!r}."
        ) from error


def headers_of(start: Message) -> Headers:
    """The headers of a start message, as a new list. A mounted application may send the same message many times."""
    return list(start.get("headers", ()))


def value_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    """All values of a field as one list (RFC 9110 section 5.3), ``b""`` if there is none."""
    return b", ".join([value for key, value in headers if key.lower() == name])


def replaced(headers: Headers, name: bytes, value: bytes | None = None) -> Headers:
    """The headers with one value for ``name``, in its old place, or without it."""
    found: Headers = []
    for header in headers:
        if header[0].lower() != name:
            found.append(header)
        elif value is not None:
            found.append((name, value))
            value = None
    return found if value is None else [*found, (name, value)]


def varying_on(headers: Headers, name: bytes) -> Headers:
    """The headers with ``name`` in ``Vary`` (RFC 9110 section 12.5.5)."""
    present = value_of(headers, b"vary")
    if members(present) & {b"*", name.lower()}:
        return headers
    return replaced(headers, b"vary", present + b", " + name if present else name)


def members(value: bytes) -> set[bytes]:
    """The members of a list without parameters, such as ``Vary``, in lower case."""
    return {member.strip() for member in value.lower().split(b",")}
