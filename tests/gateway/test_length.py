"""Bodies that nobody expects, and bodies that are not as long as they say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ..servers import raw_exchange, served, wait_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import flask

    from aeros_compat import WebServer

    from ..conftest import Lane


def answering(app: WebServer, status: str, headers: list[tuple[str, str]], body: Any) -> None:
    """WSGI middleware that answers by itself."""

    def middleware(environ: Any, start_response: Any) -> Any:
        start_response(status, headers)
        return body()

    app.wsgi_app = middleware  # type: ignore[method-assign]


class Closing:
    """A WSGI iterable that counts how often it was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    def close(self) -> None:
        self.closed += 1


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def exchange(url: str, method: str) -> tuple[bytes, bytes]:
    """Head and body of the first of two answers: what it has too much would stand in front of the second one."""
    line = f"{method} / HTTP/1.1\r\nHost: x\r\n".encode()
    answers = raw_exchange(url, line + b"\r\n" + line + b"Connection: close\r\n\r\n")
    heads = answers.split(b"HTTP/1.1 ")
    assert heads[0] == b""
    assert len(heads) == 3, answers
    head, _, body = heads[1].partition(b"\r\n\r\n")
    return head.lower(), body


@pytest.mark.parametrize("pieces", [[], [b"body"], [b"bo", b"dy"]])
@pytest.mark.parametrize(
    ("method", "status"),
    [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified"), ("HEAD", "404 No")],
)
def test_answers_without_a_body(app: WebServer, method: str, status: str, pieces: list[bytes]) -> None:
    made: list[Closing] = []

    def body() -> Closing:
        made.append(Closing(*pieces))
        return made[-1]

    answering(app, status, [("Content-Length", "4"), ("ETag", '"x"')], body)
    with served(app) as url:
        head, rest = exchange(url, method)
        assert (head[:3], rest) == (status[:3].encode(), b"")
        assert (b"content-length: 4" in head) == (method == "HEAD")
        assert b"transfer-encoding" not in head
        assert b'etag: "x"' in head
        wait_for(lambda: [iterable.closed for iterable in made] == [1, 1])


@pytest.mark.parametrize("kind", ["text", "sync", "async"])
@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_views_with_a_body_too_many(app: WebServer, lane: Lane, kind: str, method: str, status: int) -> None:
    closed: list[bool] = []

    async def pieces() -> AsyncIterator[bytes]:
        yield b"body"

    @app.route("/")
    @lane
    def view() -> Any:
        body: Any = {"text": "body", "sync": iter(["body"]), "async": pieces()}[kind]
        response = app.make_response((body, status))
        response.headers["Content-Length"] = "4"
        response.call_on_close(lambda: closed.append(True))
        return response

    with served(app) as url:
        head, rest = exchange(url, method)
        assert rest == b""
        assert (b"content-length: 4" in head) == (method == "HEAD")
        wait_for(lambda: closed == [True, True])


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_interim_status(app: WebServer, lane: Lane, status: int, capfd: pytest.CaptureFixture[str]) -> None:
    """The client would wait for the answer (RFC 9110 section 15.2). The test client gets it, without a body."""
    app.add_url_rule("/", view_func=lane(lambda: ("body", status)), endpoint="view")
    with served(app) as url:
        assert httpx.get(url).status_code == 500
    assert f"the status {status}; an answer has one from 200 to 599" in capfd.readouterr().err
    response = app.test_client().get("/")
    assert (response.status_code, response.data, "Content-Length" in response.headers) == (status, b"", False)


def pieces_of(kind: str, pieces: tuple[bytes, ...], closed: list[bool]) -> Any:
    def sync() -> Iterator[bytes]:
        try:
            yield from pieces
        finally:
            closed.append(True)

    async def awaited() -> AsyncIterator[bytes]:
        try:
            for piece in pieces:
                await asyncio.sleep(0)
                yield piece
        finally:
            closed.append(True)

    return sync() if kind == "sync" else awaited()


WRONG = [
    (4, (b"ab",), "ended after 2"),
    (4, (b"ab", b"c"), "ended after 3"),
    (4, (), "ended after 0"),
    (4, (b"abcde",), "has at least 5"),
    (4, (b"ab", b"cd", b"ef"), "has at least 6"),
    (4, (b"abcd", b"ef"), "has at least 6"),
    (300_000, (b"x" * 100_000,) * 4, "has at least"),
    (500_000, (b"x" * 100_000,) * 4, "ended after 400000"),
]


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(("length", "pieces", "said"), WRONG)
def test_stream_of_another_length(
    app: WebServer,
    lane: Lane,
    kind: str,
    length: int,
    pieces: tuple[bytes, ...],
    said: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is broken off, or is a 500 where nothing has left yet; never a body that looks complete."""
    closed: list[bool] = []

    @app.route("/")
    @lane
    def view() -> Any:
        response = app.make_response(pieces_of(kind, pieces, closed))
        response.headers["Content-Length"] = str(length)
        return response

    with served(app) as url:
        try:
            assert httpx.get(url).status_code == 500
        except httpx.RemoteProtocolError as error:
            assert "peer closed connection without sending complete message body" in str(error)  # noqa: PT017
        answer = raw_exchange(url, GET)
        assert len(answer.partition(b"\r\n\r\n")[2]) < length or answer.startswith(b"HTTP/1.1 500")
        wait_for(lambda: closed == [True, True])
    assert f"announced a Content-Length of {length} bytes, but its body {said}" in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("pieces", [(b"abcd",), (b"ab", b"cd"), (b"a", b"b", b"c", b"d"), (b"", b"abcd", b"")])
def test_stream_of_the_announced_length(app: WebServer, lane: Lane, kind: str, pieces: tuple[bytes, ...]) -> None:
    closed: list[bool] = []

    @app.route("/")
    @lane
    def view() -> Any:
        response = app.make_response(pieces_of(kind, pieces, closed))
        response.headers["Content-Length"] = "4"
        return response

    with served(app) as url, httpx.Client() as client:
        for count in (1, 2):
            response = client.get(url)
            assert (response.text, response.headers["Content-Length"]) == ("abcd", "4")
            wait_for(lambda count=count: len(closed) == count)  # type: ignore[misc]


@pytest.mark.parametrize("values", [["2"], ["30"], ["many"], ["-1"], ["\xb2"], ["5", "4"], ["9" * 5000]])
@pytest.mark.parametrize("pieces", [[b"three"], [b"th", b"ree"]])
@pytest.mark.parametrize("complete", [True, False])
def test_lengths_of_middleware(app: WebServer, values: list[str], pieces: list[bytes], complete: bool) -> None:
    """A list is complete: its length is known. A length that is none is not passed on."""
    answering(
        app, "200 OK", [("Content-Length", value) for value in values], lambda: pieces if complete else iter(pieces)
    )
    with served(app) as url:
        if complete or values not in (["2"], ["30"]):
            assert httpx.get(url).text == "three"
        else:
            answer = raw_exchange(url, GET)
            assert answer.startswith(b"HTTP/1.1 500") or len(answer.partition(b"\r\n\r\n")[2]) < int(values[0])


def test_hook_that_replaces_the_pieces(app: WebServer, lane: Lane) -> None:
    @app.after_request
    def replace(response: flask.Response) -> flask.Response:
        response.response = [b"another ", b"body"]
        return response

    app.add_url_rule("/", view_func=lane(lambda: "body"), endpoint="view")
    with served(app) as url:
        response = httpx.get(url)
    assert (response.text, response.headers["Content-Length"]) == ("another body", "12")


def test_empty_list_with_a_length(app: WebServer) -> None:
    answering(app, "200 OK", [("Content-Length", "7")], list)
    with served(app) as url:
        assert httpx.get(url).headers["Content-Length"] == "0"
