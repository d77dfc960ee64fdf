"""The harness can fail: it sees planted differences and broken protocols, and tolerates what is written down."""

from __future__ import annotations

import asyncio
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
import pytest

from aeros_compat import WebServer

from . import asgi_client, wsgi_client
from .application.journal import note
from .comparison import Comparison
from .flavours import Flavour
from .request import get
from .tolerated import COLLECTED_BODIES, TOLERATED

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response

    from aeros_compat.types import Receive, Scope, Send


class _OtherStatus(WebServer):
    def process_response(self, response: Response) -> Response:
        response = super().process_response(response)
        response.status_code = 299
        return response


class _OneMoreHeader(WebServer):
    def process_response(self, response: Response) -> Response:
        response = super().process_response(response)
        response.headers.add("X-Signed", "first")
        return response


class _OtherBody(WebServer):
    def process_response(self, response: Response) -> Response:
        response = super().process_response(response)
        response.set_data(response.get_data().upper())
        return response


class _OtherOrder(WebServer):
    def do_teardown_request(self, exc: Any = None) -> None:
        note("teardown app: too early")
        super().do_teardown_request(exc)


class _Failure(WebServer):
    def process_response(self, response: Response) -> Response:
        raise SystemExit("planted")


PLANTED = {
    "status": _OtherStatus,
    "headers": _OneMoreHeader,
    "body": _OtherBody,
    "events": _OtherOrder,
    "failure": _Failure,
}


@pytest.mark.parametrize("views", [False, True], ids=["sync views", "async views"])
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_difference_is_found(name: str, views: bool) -> None:
    factory = functools.partial(PLANTED[name], worker_threads=1)
    comparison = Comparison([Flavour("planted", factory, views=views)], [])
    try:
        found = comparison.differences([get("/leaf")])
    finally:
        comparison.close()
    assert len(found) == 1
    assert f"\n{name}:" in found[0]
    assert found[0].endswith("in planted [default]")


START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
END: dict[str, Any] = {"type": "http.response.body", "body": b""}
PIECE: dict[str, Any] = {"type": "http.response.body", "body": b"x", "more_body": True}


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([START, START, END], "two start messages"),
        ([END], "a body before the start"),
        ([START, PIECE], "no last message"),
        ([START, END, END], "a message after the last one"),
        ([START | {"status": 100}, END], "a status that is no code"),
        ([START | {"status": "200 OK"}, END], "a status that is no code"),
        ([START | {"headers": [(b"X-Upper", b"")]}, END], "X-Upper"),
        ([START | {"headers": [("x-text", b"")]}, END], "a header that is not bytes"),
        ([START | {"headers": [(b"x", b"a\r\nb: c")]}, END], "a control character"),
        ([START, END | {"body": "text"}], "a body that is not bytes"),
        ([START, {"type": "http.response.trailers"}], "a message of type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_asgi_client_insists_on_the_protocol(messages: list[dict[str, Any]], complaint: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    with pytest.raises(asgi_client.ProtocolError, match=complaint):
        asyncio.run(asgi_client.ask(app, get("/"), []))


def test_the_asgi_client_sees_a_context_that_leaks() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with flask.Flask(__name__).app_context():
            await send(dict(START))

    with pytest.raises(asgi_client.ProtocolError, match="send saw the context of a request"):
        asyncio.run(asgi_client.ask(app, get("/"), []))


def test_the_asgi_client_sees_a_task_that_is_left() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        app.task = asyncio.create_task(asyncio.sleep(60))  # type: ignore[attr-defined]
        await send(dict(START))
        await send(dict(END))

    with pytest.raises(asgi_client.ProtocolError, match="tasks that outlive the request"):
        asyncio.run(asgi_client.ask(app, get("/"), []))


def _answering(status: Any, headers: Any, pieces: Any) -> Callable[..., Any]:
    def app(environ: Any, start_response: Any) -> Any:
        if status:
            start_response(status, headers)
        return pieces

    return app


@pytest.mark.parametrize(
    ("status", "headers", "pieces", "complaint"),
    [
        ("200 OK", [], ["text"], "a piece of type str"),
        ("200", [], [], "the status '200'"),
        (None, [], [], "no start_response"),
        (None, [], [b"x"], "a piece before start_response"),
        ("200 OK", (), [], "headers that are no list"),
        ("200 OK", [("X", 1)], [], "the header 'X'"),
        ("200 OK", [("Connection", "close")], [], "the header 'Connection'"),
        ("200 OK", [("X", "\u2603")], [], "\u2603"),
    ],
)
def test_the_wsgi_client_insists_on_the_protocol(status: Any, headers: Any, pieces: Any, complaint: str) -> None:
    seen = wsgi_client.ask(_answering(status, headers, pieces), get("/"), [])
    assert seen.failure.startswith(f"BrokenRule: {complaint}")
    assert seen.status == ""


def test_what_is_tolerated_is_what_the_table_explains() -> None:
    guide = Path(__file__).parents[2] / "migration_guide" / "differences.md"
    rows = re.findall(r"^\| \*\*(.+?)\*\* \|.*\| tolerated \|$", guide.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [*dict.fromkeys(row.row for row in TOLERATED), COLLECTED_BODIES]
