"""The requests that tests make with Werkzeug's test client, and so with Flask's."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.datastructures import EnvironHeaders
from werkzeug.test import Client

from .request import Request, replayed_headers, write_corpus

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed.wsgi import WSGIEnvironment

#: Bytes of a body that are kept; a longer one is not recorded.
LONGEST_BODY = 1024 * 1024


class Recorder:
    """Counts the requests of all test clients of this process from now on, and keeps them if there is a file.

    Like :mod:`.swap` it replaces a method of another package, ``Client.run_wsgi_app``, in a process of tests.

    :param file: where :meth:`write` keeps them.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._requests: list[Request] = []
        self._count = 0
        #: What is running: the name of the visit.
        self.visit = ""
        run_wsgi_app = Client.run_wsgi_app

        @functools.wraps(run_wsgi_app)
        def recording(client: Client, environ: WSGIEnvironment, buffered: bool = False) -> Any:
            before = environ.copy()
            body = self._begin(environ)
            try:
                return run_wsgi_app(client, environ, buffered)
            finally:
                # The client puts its cookies in; what middleware has changed is the application's own.
                before |= {name: environ[name] for name in ("HTTP_COOKIE",) if name in environ}
                self._keep(before, body)

        Client.run_wsgi_app = recording  # type: ignore[method-assign,assignment]

    def _begin(self, environ: WSGIEnvironment) -> bytes | None:
        self._count += 1
        return _body_of(environ) if self._file is not None else None

    def _keep(self, environ: WSGIEnvironment, body: bytes | None) -> None:
        if body is not None:
            self._requests.append(_request(environ, body, self.visit))

    def summary(self) -> str:
        """How many requests were made, and where they are kept."""
        text = f"{self._count} requests by test clients"
        return text if self._file is None else f"{text}, {len(self._requests)} of them kept in {self._file}"

    def write(self) -> None:
        if self._file is not None:
            write_corpus(self._file, self._requests)


def _body_of(environ: WSGIEnvironment) -> bytes | None:
    """The body, which stays where it is for the application; None if it cannot be read twice, or is too long."""
    stream = environ["wsgi.input"]
    if not (hasattr(stream, "seekable") and stream.seekable()):
        return None
    start = stream.tell()
    body: bytes = stream.read(LONGEST_BODY + 1)
    stream.seek(start)
    return body if len(body) <= LONGEST_BODY else None


def _request(environ: WSGIEnvironment, body: bytes, visit: str) -> Request:
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    # A test client takes paths without the slash that every server asks for.
    target = "/" + quote(path.encode("latin-1").removeprefix(b"/"), safe="/!$&'()*+,;=:@~")
    if environ.get("QUERY_STRING"):
        target += "?" + quote(environ["QUERY_STRING"].encode("latin-1"), safe="/?!$&'()*+,;=:@~%[]")
    headers = replayed_headers(list(EnvironHeaders(environ)))
    return Request(environ["REQUEST_METHOD"], target, headers, body, visit)
