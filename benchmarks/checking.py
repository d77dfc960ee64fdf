"""Whether a server answers a workload as it must, asked once before it is measured."""

from __future__ import annotations

import gzip
import http.client
from typing import TYPE_CHECKING

from .processes import CannotMeasure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .processes import Server
    from .workloads import Workload


def checked_headers(server: Server, workload: Workload) -> dict[str, str]:
    """The headers of the workload's requests to this server: its own cookie among them, where there is a session.

    :raises CannotMeasure: if the answer to such a request is not the one that all must give.
    """
    headers = dict(workload.headers)
    if workload.session_from is not None:
        first, _ = _ask(server, "GET", workload.session_from, headers, None)
        cookie = first.getheader("Set-Cookie")
        if cookie is None:
            raise CannotMeasure(f"{server.peer.title} sets no cookie at {workload.session_from}.")
        headers["Cookie"] = cookie.partition(";")[0]
    response, body = _ask(server, "GET" if workload.body is None else "POST", workload.path, headers, workload.body)
    for what, expected, found in (
        ("status", 200, response.status),
        ("media type", workload.media_type, (response.getheader("Content-Type") or "").partition(";")[0]),
        ("Content-Encoding", workload.content_encoding, response.getheader("Content-Encoding")),
        ("Set-Cookie", workload.sets_cookie, response.getheader("Set-Cookie") is not None),
        ("body", workload.answer, gzip.decompress(body) if workload.content_encoding else body),
    ):
        if found != expected:
            raise CannotMeasure(
                f"{server.peer.title} does not answer {workload.title!r} as the others do: its {what} is"
                f" {_short(found)}, not {_short(expected)}."
            )
    return headers


def _ask(
    server: Server, method: str, path: str, headers: Mapping[str, str], body: bytes | None
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        # Not ``request``: it would ask for an encoding, which wrk does not.
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return response, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise CannotMeasure(f"{server.peer.title} breaks off at {path}: {error!r}; {server.last_words()}") from error
    finally:
        connection.close()


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}… of {len(text)} characters"
