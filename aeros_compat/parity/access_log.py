"""Requests from an access log: the combined format of Apache and nginx, or JSON with one object a line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from .request import Request

if TYPE_CHECKING:
    from collections.abc import Iterable

#: httpd.apache.org/docs/2.4/logs.html#combined. The last two fields are missing in the common format.
_COMBINED = re.compile(
    r'\S+ \S+ .*?\[[^\]]*\] "(?P<method>[A-Z]+) (?P<target>\S+)(?: HTTP/[\d.]+)?" \d{3} \S+'
    r'(?: "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?'
)


def read_access_log(lines: Iterable[str]) -> tuple[list[Request], int]:
    """The different requests of a log, in the order of their first lines, and how many lines are none.

    A log has no bodies: requests with unsafe methods come without.
    """
    found: dict[Request, None] = {}
    strange = 0
    for line in filter(str.strip, lines):
        request = _from_json(line) if line.lstrip().startswith("{") else _from_combined(line)
        if request is None:
            strange += 1
        else:
            found[request] = None
    return list(found), strange


def _from_combined(line: str) -> Request | None:
    match = _COMBINED.match(line)
    if match is None:
        return None
    return _request(match["method"], match["target"], match["referer"], match["agent"])


def _from_json(line: str) -> Request | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    path, query = str(record.get("path") or ""), str(record.get("query") or "")
    target = f"{path}?{query}" if query and "?" not in path else path
    return _request(str(record.get("method") or ""), target, record.get("referer"), record.get("user_agent"))


def _request(method: str, target: str, referer: str | None, agent: str | None) -> Request | None:
    if not method.isalpha() or not target.startswith("/") or not _is_sendable(target):
        return None
    headers = [("Referer", referer), ("User-Agent", agent)]
    return Request(method, target, tuple((name, value) for name, value in headers if value and value != "-"))


def _is_sendable(target: str) -> bool:
    return target.isascii() and target.isprintable() and " " not in target
