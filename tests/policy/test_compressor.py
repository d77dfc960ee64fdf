"""Compressed responses: streams, files, entity tags, what is left alone, and next to flask-compress."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
from flask_compress import Compress

from aeros_compat import Br, Gzip, WebServer
from aeros_compat.policy.algorithms import ZlibEncoder
from aeros_compat.policy.compressor import EncodedResponse
from aeros_compat.policy.negotiation import choose
from aeros_compat.serving.protocol import HTTPProtocol

from ..asgi import http_scope
from ..servers import free_port, process, read_all, served, wait_for
from .decoding import ALGORITHMS, decoded, decoder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from werkzeug.test import TestResponse

    from ..conftest import Lane

ROOT = Path(__file__).parents[2]
TEXT = "A line of a text that is worth to be compressed.\n" * 100


def get(app: WebServer, path: str = "/", accept: str = "br, gzip", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().get(path, headers={"Accept-Encoding": accept, **named})


def app_with(lane: Lane, view: Any, **settings: Any) -> WebServer:
    app = WebServer(__name__, **settings)
    app.add_url_rule("/", view_func=lane(view), endpoint="view", methods=["GET", "PUT"])
    return app


def exchange(app: Any, *, accept: bytes = b"br", path: str = "/m") -> list[Any]:
    """The messages that leave ``app`` for a GET at the ASGI level."""
    return asyncio.run(answered(app, accept=accept, path=path))


async def answered(app: Any, *, accept: bytes, path: str) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(http_scope(path, headers=[(b"accept-encoding", accept)]), receive, send)
    return sent


def mounted(*messages: Any) -> WebServer:
    """An application in which an ASGI application sends these messages to every request for ``/m``."""

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    app = WebServer(__name__)
    app.mount("/m", inner)
    return app


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain"), *headers]}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


@pytest.mark.parametrize("accept", ["gzip", "deflate", "br"])
def test_real_client(lane: Lane, accept: str) -> None:
    with served(app_with(lane, lambda: TEXT)) as url:
        answer = httpx.get(url, headers={"Accept-Encoding": accept})
        assert answer.headers["content-encoding"] == accept
        assert answer.headers["vary"] == "Accept-Encoding"
        assert int(answer.headers["content-length"]) == answer.num_bytes_downloaded < 500
        assert answer.text == TEXT


def test_vary_where_the_client_wants_no_encoding(lane: Lane) -> None:
    """RFC 9110 section 12.5.5: a cache must know that there is another representation."""
    app = app_with(lane, lambda: TEXT)
    app.add_url_rule("/short", view_func=lane(lambda: "short"), endpoint="short")
    for accept in ("", "identity", "lzma"):
        answer = get(app, accept=accept)
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert "Content-Encoding" not in answer.headers
        assert answer.text == TEXT
        assert "Vary" not in get(app, "/short", accept=accept).headers
    assert "Vary" not in get(app, "/short").headers


def test_hostile_headers_cost_little(lane: Lane) -> None:
    app = app_with(lane, lambda: TEXT)
    get(app)
    known = choose.cache_info().currsize
    for number in range(20):
        answer = get(app, accept=f"gzip, {number}, " + "x;q=0.5, " * 6000)
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["Vary"] == "Accept-Encoding"
    assert choose.cache_info().currsize == known
    assert get(app, accept="br", If_None_Match=", ".join(f'"{number}:br"' for number in range(6000))).status_code == 200


def test_vary_of_the_view_is_kept(lane: Lane) -> None:
    app = app_with(lane, lambda: (TEXT, {"Vary": "Cookie"}))
    assert get(app).headers.getlist("Vary") == ["Cookie, Accept-Encoding"]


def test_no_transform_is_the_way_out(lane: Lane) -> None:
    def view() -> Any:
        response = flask.make_response(TEXT)
        response.cache_control.no_transform = True
        return response

    answer = get(app_with(lane, view))
    assert answer.text == TEXT
    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers


# Streams.


@pytest.mark.parametrize("algorithm", ["zstd", "br", "deflate"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_piece_arrives_when_it_is_sent(kind: str, algorithm: str) -> None:
    """Each piece is seen, decoded, by a client on a socket while the view waits for the client to have seen it."""
    seen = [False, False, False]

    def sync_pieces() -> Iterator[str]:
        for number in range(3):
            yield f"piece {number}\n"
            wait_for(lambda number=number: seen[number], timeout=10)  # type: ignore[misc]

    async def async_pieces() -> AsyncIterator[str]:
        for number in range(3):
            yield f"piece {number}\n"
            while not seen[number]:
                await asyncio.sleep(0.01)

    app = WebServer(__name__)
    pieces: Any = sync_pieces if kind == "sync" else async_pieces
    app.add_url_rule("/", view_func=lambda: flask.Response(pieces()) if kind == "sync" else pieces(), endpoint="view")
    with (
        served(app) as url,
        httpx.stream("GET", url, headers={"Accept-Encoding": algorithm}, timeout=10) as answer,
    ):
        assert answer.headers["content-encoding"] == algorithm
        decode, text = decoder(algorithm), b""
        for raw in answer.iter_raw():
            text += decode(raw)
            for number in range(3):
                seen[number] = seen[number] or b"piece %d\n" % number in text
        assert text == b"piece 0\npiece 1\npiece 2\n"


def test_gzip_for_streams_only_if_chosen(lane: Lane) -> None:
    """As in flask-compress: COMPRESS_ALGORITHM_STREAMING has no gzip."""

    def view() -> Any:
        return iter([TEXT, "end"])

    answer = get(app_with(lane, view), accept="gzip")
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Vary"] == "Accept-Encoding"
    answer = get(app_with(lane, view, compression=Gzip()), accept="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert decoded(answer.data, "gzip").decode() == TEXT + "end"


def test_pieces_leave_one_by_one() -> None:
    """Nothing is collected: as many messages go out as came in, and each is all of its piece."""
    app = mounted(start(), body(b"", True), body(b"one" * 500, True), body(b"", True), body(b"two", True), body(b""))
    sent = exchange(app)
    assert [message.get("more_body") for message in sent[1:]] == [True, True, True, True, False]
    assert sent[1]["body"] == b""
    decode = decoder("br")
    assert [decode(message["body"]) for message in sent[1:]] == [b"", b"one" * 500, b"", b"two", b""]
    assert (b"content-encoding", b"br") in sent[0]["headers"]


def test_a_length_that_is_known_ends_with_the_encoding() -> None:
    sent = exchange(mounted(start((b"content-length", b"1000")), body(b"x" * 600, True), body(b"x" * 400)))
    assert b"content-length" not in dict(sent[0]["headers"])
    assert decoded(b"".join(message["body"] for message in sent[1:]), "br") == b"x" * 1000


def test_complete_body_without_a_length() -> None:
    sent = exchange(mounted(start(), body(b"x" * 500)))
    headers = dict(sent[0]["headers"])
    assert headers[b"content-length"] == str(len(sent[1]["body"])).encode()
    assert decoded(sent[1]["body"], "br") == b"x" * 500
    sent = exchange(mounted(start(), body(b"short")))
    assert sent[1]["body"] == b"short"
    assert b"content-encoding" not in dict(sent[0]["headers"])


def test_messages_of_other_kinds_pass() -> None:
    trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False}
    sent = exchange(mounted(start(), body(b"x" * 500, True), body(b""), trailers))
    assert sent[-1] == trailers
    hint = {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]}
    sent = exchange(mounted(hint, start(), body(b"x" * 500)))
    assert sent[0] == hint
    # A message that nobody here knows in place of a body: the response goes out as it came.
    sent = exchange(mounted(start(), {"type": "http.response.zerocopysend", "file": 3}))
    assert b"content-encoding" not in dict(sent[0]["headers"])
    assert sent[1] == {"type": "http.response.zerocopysend", "file": 3}


def test_failure_before_the_body_is_still_an_error() -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        raise ZeroDivisionError

    app = WebServer(__name__)
    app.mount("/m", inner)
    with pytest.raises(ZeroDivisionError):
        exchange(app)
    with served(app) as url:
        assert httpx.get(f"{url}/m", headers={"Accept-Encoding": "br"}).status_code == 500


def test_nothing_is_kept_when_the_client_leaves(lane: Lane) -> None:
    closed = []

    def endless() -> Iterator[str]:
        try:
            while True:
                yield TEXT
        finally:
            closed.append(True)

    def responses() -> int:
        gc.collect()
        return sum(isinstance(thing, EncodedResponse) for thing in gc.get_objects())

    with served(app_with(lane, lambda: flask.Response(endless()))) as url:
        for _ in range(3):
            with httpx.stream("GET", url, headers={"Accept-Encoding": "br"}) as answer:
                next(answer.iter_raw())
        wait_for(lambda: len(closed) == 3)
        wait_for(lambda: responses() == 0)


@pytest.mark.parametrize("algorithm", ["zstd", "br", "deflate"])
def test_memory_of_large_streams(algorithm: str) -> None:
    """128 MiB go through an encoder; the server's memory grows by its window and no more."""
    port = free_port()
    command = ("uvicorn", "tests.gateway.counting:app", "--port", str(port), "--log-level", "warning")
    with process(*command, port=port, cwd=ROOT) as url:

        def peak_after(size: int) -> int:
            for path in ("/sync/down", "/async/down"):
                headers = {"Accept-Encoding": algorithm}
                with httpx.stream("GET", f"{url}{path}?size={size}", headers=headers, timeout=60) as answer:
                    assert answer.headers["content-encoding"] == algorithm
                    assert sum(map(len, answer.iter_raw())) < size / 50
            peak: int = httpx.get(f"{url}/counts").json()["peak"]
            return peak

        before = peak_after(2**20)
        assert peak_after(128 * 2**20) - before < 16 * 2**20


def test_server_sent_events_are_left_alone(lane: Lane) -> None:
    def view() -> Any:
        return flask.Response(iter(["data: x\n\n" * 100, "data: y\n\n"]), mimetype="text/event-stream")

    answer = get(app_with(lane, view))
    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers


# The event loop.


def test_large_bodies_do_not_stop_the_loop() -> None:
    """The loop turns on while a large body is compressed. Counted in turns: seconds depend on who else computes."""
    numbers = random.Random(1)
    text = "".join(f"{numbers.randrange(10**6)} " for _ in range(80_000))

    async def turns(app: WebServer) -> int:
        count = 0
        task = asyncio.ensure_future(answered(app, accept=b"br", path="/"))
        while not task.done():
            count += 1
            await asyncio.sleep(0)
        assert decoded((await task)[1]["body"], "br" if app.config.get("COMPRESS_BR_LEVEL") else None).decode() == text
        return count

    def app_of(**settings: Any) -> WebServer:
        app = WebServer(__name__, **settings)

        @app.get("/")
        async def view() -> str:
            return text

        return app

    without = asyncio.run(turns(app_of(compression=None)))
    assert asyncio.run(turns(app_of(compression=Br(level=9)))) > without + 100


# HEAD, entity tags, ranges.


def test_head_is_get_without_a_body_and_a_length(lane: Lane) -> None:
    app = WebServer(__name__)
    app.add_url_rule("/", view_func=lane(lambda: (TEXT, {"ETag": '"x"'})), endpoint="view")
    app.add_url_rule("/stream", view_func=lane(lambda: iter([TEXT, "end"])), endpoint="stream")
    app.add_url_rule("/short", view_func=lane(lambda: "short"), endpoint="short")
    for path in ("/", "/stream", "/short"):
        for accept in ("br", "gzip", "identity"):
            client = app.test_client()
            of_get = dict(client.get(path, headers={"Accept-Encoding": accept}).headers)
            of_head = dict(client.head(path, headers={"Accept-Encoding": accept}).headers)
            if "Content-Encoding" in of_get:
                of_get.pop("Content-Length", None)
            assert of_head == of_get
    assert of_get["Content-Length"] == "5"


def test_encoded_representations_have_tags_of_their_own(lane: Lane) -> None:
    def view() -> Any:
        response = flask.make_response(TEXT)
        response.set_etag("x")
        return response.make_conditional(flask.request)

    app = app_with(lane, view)
    assert get(app, accept="br").headers["ETag"] == '"x:br"'
    assert get(app, accept="gzip").headers["ETag"] == '"x:gzip"'
    assert get(app, accept="").headers["ETag"] == '"x"'

    def asked(tag: str, accept: str) -> tuple[int, str]:
        answer = get(app, accept=accept, If_None_Match=tag)
        assert answer.status_code == 200 or answer.data == b""
        return answer.status_code, answer.headers["ETag"]

    assert asked('"x:br"', "br") == (304, '"x:br"')
    assert asked('"old", "x:gzip"', "gzip") == (304, '"x:gzip"')
    assert asked('"x:br"', "") == (200, '"x"')
    assert asked('"old:br"', "br") == (200, '"x:br"')
    assert asked('"x"', "") == (304, '"x"')
    assert get(app, accept="br", If_None_Match='"x:br"').headers["Vary"] == "Accept-Encoding"
    app = app_with(lane, view)
    app.config["COMPRESS_EVALUATE_CONDITIONAL_REQUEST"] = False
    assert asked('"x:br"', "br") == (200, '"x:br"')


def test_weak_tags_stay(lane: Lane) -> None:
    app = app_with(lane, lambda: (TEXT, {"ETag": 'W/"x"'}))
    assert get(app, accept="br").headers["ETag"] == 'W/"x"'


def test_a_write_with_the_tag_of_an_encoded_response(lane: Lane) -> None:
    """A client that read ``"x:br"`` may write: optimistic locking survives compression."""

    def view() -> Any:
        if flask.request.method == "GET":
            return TEXT, {"ETag": '"x"'}
        return "written" if "x" in flask.request.if_match else flask.abort(412)

    client = app_with(lane, view).test_client()
    tag = client.get("/", headers={"Accept-Encoding": "br"}).headers["ETag"]
    assert client.put("/", headers={"If-Match": tag}).text == "written"
    assert client.put("/", headers={"If-Match": '"y:br"'}).status_code == 412


def test_files(lane: Lane, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text(TEXT * 100)
    app = app_with(lane, lambda: flask.send_file(file))
    with served(app) as url:
        answer = httpx.get(url, headers={"Accept-Encoding": "br"})
        assert answer.headers["content-encoding"] == "br"
        assert answer.text == TEXT * 100
        tag = answer.headers["etag"]
        assert tag.endswith(':br"')
        assert "accept-ranges" not in answer.headers
        unchanged = httpx.get(url, headers={"Accept-Encoding": "br", "If-None-Match": tag})
        assert (unchanged.status_code, unchanged.headers["etag"]) == (304, tag)
        # A range is one of the file, and the tag of the encoded file does not stand for it.
        part = httpx.get(url, headers={"Accept-Encoding": "br", "Range": "bytes=0-999"})
        assert (part.status_code, part.text) == (206, TEXT[:49] * 20 + TEXT[: 1000 - 49 * 20])
        assert "content-encoding" not in part.headers
        whole = httpx.get(url, headers={"Accept-Encoding": "br", "Range": "bytes=0-999", "If-Range": tag})
        assert (whole.status_code, whole.text) == (200, TEXT * 100)


def test_files_sent_by_path(tmp_path: Path) -> None:
    """The server would send a file as it is: those that are worth it are read here."""
    file = tmp_path / "file.txt"
    by_path = {"type": "http.response.pathsend", "path": str(file)}
    for size in (1000, 256 * 1024, 600_000):
        file.write_bytes(b"x" * size)
        sent = exchange(mounted(start((b"content-length", str(size).encode())), by_path))
        assert b"content-length" not in dict(sent[0]["headers"])
        assert dict(sent[0]["headers"])[b"content-encoding"] == b"br"
        assert [message["more_body"] for message in sent[1:]] == [True] * (size // (256 * 1024)) + [False]
        assert decoded(b"".join(message["body"] for message in sent[1:]), "br") == b"x" * size
    for accept, headers in ((b"", ()), (b"br", [(b"content-encoding", b"gzip")]), (b"br", [(b"content-length", b"9")])):
        sent = exchange(mounted(start(*headers), by_path), accept=accept)
        assert sent[1] == by_path
    image = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"image/png")]}
    assert exchange(mounted(image, by_path)) == [image, by_path]
    file.unlink()
    with pytest.raises(FileNotFoundError):
        exchange(mounted(start(), by_path))


# Never twice.


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_flask_compress_on_the_application(lane: Lane, algorithm: str) -> None:
    app = app_with(lane, lambda: TEXT)
    app.config["COMPRESS_MIN_SIZE"] = 5
    Compress(app)
    app.add_url_rule("/short", view_func=lane(lambda: "testing again..."), endpoint="short")
    for path, text in (("/", TEXT), ("/short", "testing again...")):
        answer = get(app, path, accept=algorithm)
        assert answer.headers.getlist("Content-Encoding") == [algorithm]
        assert answer.headers.getlist("Vary") == ["Accept-Encoding"]
        assert decoded(answer.data, algorithm).decode() == text
    # It leaves errors alone, and what it has left alone stays so.
    answer = get(app, "/missing", accept=algorithm)
    assert answer.status_code == 404
    assert "Content-Encoding" not in answer.headers


def test_flask_compress_and_entity_tags(lane: Lane) -> None:
    app = app_with(lane, lambda: (TEXT, {"ETag": '"x"'}))
    Compress(app)
    tag = get(app, accept="br").headers["ETag"]
    assert tag == '"x:br"'
    answer = get(app, accept="br", If_None_Match=tag)
    assert (answer.status_code, answer.headers["ETag"]) == (304, tag)


def test_flask_compress_and_streams() -> None:
    app = WebServer(__name__)
    Compress(app)

    async def pieces() -> AsyncIterator[str]:
        yield TEXT
        yield "end"

    @app.get("/async")
    async def awaited() -> Any:
        return pieces()

    @app.get("/sync")
    def sync() -> Any:
        return iter([TEXT, "end"])

    with served(app) as url:
        for path in ("/sync", "/async"):
            answer = httpx.get(url + path, headers={"Accept-Encoding": "br"})
            assert answer.headers.get_list("content-encoding") == ["br"]
            assert answer.text == TEXT + "end"


def test_encoded_by_the_view(lane: Lane) -> None:
    def view() -> Any:
        return b"not really" * 100, {"Content-Encoding": "gzip", "Content-Type": "text/plain"}

    answer = get(app_with(lane, view))
    assert answer.headers.getlist("Content-Encoding") == ["gzip"]
    assert answer.data == b"not really" * 100


def test_keep_alive_after_an_encoded_stream(lane: Lane) -> None:
    """The framing is right: the next response on the connection is found."""
    app = WebServer(__name__)
    app.add_url_rule("/stream", view_func=lane(lambda: iter([TEXT, "end"])), endpoint="stream")
    app.add_url_rule("/", view_func=lane(lambda: TEXT), endpoint="view")
    with served(app) as url, socket.create_connection((httpx.URL(url).host, httpx.URL(url).port or 0)) as connection:
        for path in (b"/stream", b"/"):
            connection.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\n\r\n" % path)
        connection.sendall(b"GET /missing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = read_all(connection)
    assert received.count(b"HTTP/1.1 200") == 2
    assert received.count(b"HTTP/1.1 404") == 1
    assert received.count(b"content-encoding: br") == 2


@pytest.mark.parametrize("http", [HTTPProtocol, "httptools", "h11"], ids=["ours", "httptools", "h11"])
def test_each_body_is_encoded_once(lane: Lane, http: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = []
    encode = ZlibEncoder.encode

    def counted(self: ZlibEncoder, data: bytes, *, last: bool) -> bytes:
        encoded.append(len(data))
        return encode(self, data, last=last)

    monkeypatch.setattr(ZlibEncoder, "encode", counted)
    with served(app_with(lane, lambda: TEXT), http=http) as url:
        for connection in ("keep-alive", "close"):
            answer = httpx.get(url, headers={"Accept-Encoding": "gzip", "Connection": connection})
            assert answer.text == TEXT
            assert answer.headers["Content-Encoding"] == "gzip"
            assert encoded == [len(TEXT)]
            encoded.clear()
