"""Requests from a HAR file, which browsers save from the network tab of their developer tools (HAR 1.2)."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..failures import CannotRun
from .request import Request, replayed_headers

if TYPE_CHECKING:
    from pathlib import Path


def read_har(path: Path) -> list[Request]:
    """All requests, in order: one visit. Those to other hosts than the first one's are left out.

    :raises CannotRun: if it is no HAR file.
    """
    try:
        entries = [entry["request"] for entry in json.loads(path.read_bytes())["log"]["entries"]]
        host = urlsplit(entries[0]["url"]).netloc if entries else ""
        return [_request(entry, path.name) for entry in entries if urlsplit(entry["url"]).netloc == host]
    except (ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"{path} is no HAR file ({error}).") from error


def _request(entry: dict[str, Any], visit: str) -> Request:
    url = urlsplit(entry["url"])
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = replayed_headers([(header["name"], header["value"]) for header in entry.get("headers", ())])
    # The host is the one that the application is asked under now.
    headers = tuple(pair for pair in headers if pair[0].lower() != "host")
    return Request(entry["method"], target, headers, _body(entry.get("postData") or {}), visit)


def _body(data: dict[str, Any]) -> bytes:
    text: str = data.get("text") or ""
    return base64.b64decode(text) if data.get("encoding") == "base64" else text.encode()
