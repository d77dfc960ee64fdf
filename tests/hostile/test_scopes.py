"""Any request at the level of ASGI: an answer, never a failure that plain Flask would not have, nothing left behind."""

from __future__ import annotations

import asyncio
import functools
import gc
import io
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from hypothesis import given
from werkzeug.test import run_wsgi_app

from aeros_compat import WebServer
from aeros_compat.gateway.environ import environ_from_scope

from ..differential.flavours import asynchronous
from .length import search
from .strategies import Attack, attacks
from .target import SECRET, build, files_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..conftest import Lane

#: Seconds after which a request hangs.
PATIENCE = 30


class Attacked:
    """The application in both frameworks, and the loop on which it is asked."""

    def __init__(self, lane: Lane, folder: Path, **settings: Any) -> None:
        factory = functools.partial(WebServer, worker_threads=1, **settings)
        self.app: Any = build(factory, lane, folder)
        self.flask = build(Flask, lane=lambda view: view, folder=folder)
        self._runner = asyncio.Runner()

    def ask(self, attack: Attack) -> tuple[int, bytes]:
        """Status and body; a status of 0 if the client has left before there was an answer."""
        return self._runner.run(self._ask(attack))

    async def _ask(self, attack: Attack) -> tuple[int, bytes]:
        incoming = [dict(message) for message in attack.messages]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not incoming:
                if sent and not sent[-1].get("more_body", True):
                    return {"type": "http.disconnect"}
                await asyncio.sleep(PATIENCE)
            return incoming.pop(0)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        before = asyncio.all_tasks()
        async with asyncio.timeout(PATIENCE):
            await self.app({**attack.scope, "state": {}}, receive, send)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() <= before
        if not sent:
            assert attack.messages[-1]["type"] == "http.disconnect"
            return 0, b""
        return _checked(sent)

    def status_of_flask(self, attack: Attack) -> int:
        environ = environ_from_scope(attack.scope)
        environ["wsgi.input"] = io.BytesIO(b"".join(message.get("body", b"") for message in attack.messages))
        pieces, status, _ = run_wsgi_app(self.flask.wsgi_app, environ, buffered=True)
        list(pieces)
        return int(status[:3])

    def close(self) -> None:
        self.app.threads.close()
        self._runner.close()


def _checked(sent: list[dict[str, Any]]) -> tuple[int, bytes]:
    start, *bodies = sent
    assert start["type"] == "http.response.start"
    assert bodies
    assert [message.get("more_body", False) for message in bodies] == [True] * (len(bodies) - 1) + [False]
    for name, value in start["headers"]:
        assert not {*b"\r\n\0"} & {*name, *value}
    return start["status"], b"".join(message.get("body", b"") for message in bodies)


LANES: dict[str, Lane] = {"sync": lambda view: view, "async": asynchronous}


@pytest.fixture(scope="module", params=["sync", "async"])
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    attacked = Attacked(
        LANES[request.param], files_in(tmp_path_factory.mktemp("hostile")), cors={"origins": "https://x.test"}
    )
    yield attacked
    attacked.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.usefixtures("collected")
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning", "ignore:unclosed file:ResourceWarning")
@search(300)
@given(attack=attacks())
def test_any_request(attacked: Attacked, attack: Attack) -> None:
    status, body = attacked.ask(attack)
    assert SECRET.encode() not in body
    assert status == 0 or 200 <= status < 600
    if status >= 500:
        assert attacked.status_of_flask(attack) == status
