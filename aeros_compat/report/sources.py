"""Where statistics come from: the JSON of a running server's watch, a file of it, or an access log in JSON."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..failures import CannotRun, reason_of
from .usage import usage_in_line, usages_in_stats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .usage import Usage

#: Seconds that a server has to answer.
_TIMEOUT = 30

_WANTED = (
    "It should be the JSON of the watch (aeros-compat run --watch, then http://…/_aeros/lanes.json),"
    " or an access log with one JSON object a line (aeros-compat run --log-format json)."
)


class CannotRead(CannotRun):
    """A source that gives no statistics; the text says why."""


def usages_from(source: str, headers: Mapping[str, str]) -> list[Usage]:
    """What was counted, one for each route, or one for each request of a log.

    :param source: a URL, a file, or ``-`` for what comes on stdin.
    :param headers: to send to a URL.
    :raises CannotRead: if there is nothing to read.
    """
    text = _text_of(source, headers)
    try:
        return list(_parsed(text))
    except json.JSONDecodeError as error:
        raise CannotRead(f"{source} holds no statistics: it is no JSON ({error}). {_WANTED}") from error
    except KeyError as error:
        raise CannotRead(f"{source} holds no statistics: {error} is missing. {_WANTED}") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise CannotRead(f"{source} holds no statistics: {error}. {_WANTED}") from error


def _text_of(source: str, headers: Mapping[str, str]) -> str:
    if source == "-":
        return sys.stdin.read()
    try:
        if source.startswith(("http://", "https://")):
            request = urllib.request.Request(source, headers=dict(headers))  # noqa: S310 - the two schemes above
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
                body: bytes = answer.read()
            return body.decode("utf-8")
        return Path(source).read_text()
    except urllib.error.HTTPError as error:
        hint = " Give what the page wants to see with --header." if error.code in (401, 403) else ""
        raise CannotRead(f"{source} answers {error.code}.{hint}") from error
    except urllib.error.URLError as error:
        reason = reason_of(error.reason) if isinstance(error.reason, OSError) else error.reason
        raise CannotRead(f"{source} cannot be read: {reason}.") from error
    except OSError as error:
        raise CannotRead(f"{source} cannot be read: {reason_of(error)}.") from error
    except ValueError as error:
        raise CannotRead(f"{source} cannot be read: {error}.") from error


def _parsed(text: str) -> Iterator[Usage]:
    try:
        whole: Any = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and "routes" in whole:
        yield from usages_in_stats(whole)
        return
    count = 0
    for line in text.splitlines():
        if line.startswith("{"):  # others are those of libraries that print
            usage = usage_in_line(json.loads(line))
            if usage is not None:
                count += 1
                yield usage
    if not count:
        raise ValueError("there is no request in it")
