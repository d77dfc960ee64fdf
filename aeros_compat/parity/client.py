"""The client that replays requests over a socket, one after the other."""

from __future__ import annotations

import http.client
import time
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from .outcome import BROKEN, Outcome

if TYPE_CHECKING:
    from .request import Request
    from .watched import Watch

#: Bytes of a body that are compared.
BODY_LIMIT = 4 * 1024 * 1024


class Client:
    """Asks a server on this machine, and keeps the cookies of each visit.

    :param timeout: seconds for an answer, and again for the application to come to its end.
    """

    def __init__(self, port: int, watch: Watch, timeout: float) -> None:
        self._port = port
        self._watch = watch
        self._timeout = timeout
        self._jars: dict[str, dict[str, str]] = {}

    def ask(self, request: Request) -> Outcome:
        """What comes of one request."""
        self._watch.begin()
        jar = self._jars.setdefault(request.visit, {}) if request.visit else {}
        outcome = self._exchange(request, jar)
        # A server answers for itself what it does not understand.
        ended = not self._watch.has_begun or self._watch.ended.wait(self._timeout)
        _keep_cookies(jar, outcome)
        # What is raised after the client has left is about its leaving.
        failure = (outcome.is_complete and self._watch.failure) or outcome.failure
        return replace(outcome, failure=failure, hooks=tuple(self._watch.notes), has_ended=ended)

    def _exchange(self, request: Request, jar: dict[str, str]) -> Outcome:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout)
        try:
            _send(connection, request, jar)
            response = connection.getresponse()
            body, is_complete = self._read(response)
            return Outcome(response.status, tuple(response.getheaders()), body, is_complete)
        except TimeoutError:
            return Outcome(failure="no answer in time")
        except ValueError:
            return Outcome(failure="http.client refuses to send it")
        except (OSError, http.client.HTTPException) as error:
            return Outcome(failure=f"{BROKEN}: {type(error).__name__}")
        finally:
            connection.close()

    def _read(self, response: http.client.HTTPResponse) -> tuple[bytes, bool]:
        """The body, or as much of it as comes in time; whether that is all."""
        end = time.monotonic() + self._timeout
        body = b""
        try:
            while len(body) < BODY_LIMIT and time.monotonic() < end:
                piece = response.read1(65536)
                if not piece:
                    return body, True
                body += piece
        except TimeoutError:
            pass
        return body[:BODY_LIMIT], False


def _send(connection: http.client.HTTPConnection, request: Request, jar: dict[str, str]) -> None:
    connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    if not request.has("host"):
        connection.putheader("Host", "localhost")
    for name, value in request.headers:
        if name.lower() != "cookie":
            connection.putheader(name, value.encode("latin-1", "replace"))
    cookies = _cookies(request) | jar
    if cookies:
        connection.putheader("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))
    connection.putheader("Connection", "close")
    if request.body or not request.is_safe:
        connection.putheader("Content-Length", str(len(request.body)))
    connection.endheaders(request.body or None)


def _cookies(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.headers:
        if name.lower() == "cookie":
            pairs = (pair.strip().partition("=") for pair in value.split(";"))
            found |= {key: text for key, _, text in pairs if key}
    return found


def _keep_cookies(jar: dict[str, str], outcome: Outcome) -> None:
    for name, value in outcome.headers:
        if name.lower() != "set-cookie":
            continue
        key, _, text = value.partition(";")[0].partition("=")
        if _is_expired(value):
            jar.pop(key.strip(), None)
        else:
            jar[key.strip()] = text


def _is_expired(value: str) -> bool:
    """Whether a Set-Cookie header takes a cookie away, as far as Flask's ``delete_cookie`` says it."""
    try:
        return any(morsel["max-age"] == "0" for morsel in SimpleCookie(value).values())
    except CookieError:
        return False
