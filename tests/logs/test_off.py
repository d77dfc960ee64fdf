"""Without an access log a request costs what it cost before: the same calls, the same objects."""

from __future__ import annotations

import gc
import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aeros_compat import AdvancedThread
from aeros_compat.gateway.connection import HTTPConnection
from aeros_compat.logs.access import ACCESS
from aeros_compat.serving.protocol import HTTPProtocol
from aeros_compat.watching.connection import RecordedConnection

from ..servers import free_port, is_listening, served, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from aeros_compat import WebServer

    from ..conftest import Lane

Calls = Counter[tuple[str, str]]


class Profile:
    """Counts the functions of this package that are called on threads which start while it is there."""

    def __init__(self) -> None:
        self.calls: Calls = Counter()

    def __call__(self, frame: Any, event: str, arg: object) -> None:
        code = frame.f_code
        if event == "call" and "aeros_compat/" in code.co_filename and code.co_name not in _NOT_OF_REQUESTS:
            self.calls[code.co_filename.rpartition("aeros_compat/")[2], code.co_qualname] += 1


#: What is called when a connection ends, such as the one that has asked whether the server listens; and "get", with
#: which a thread waits for its next job, a moment after the request.
_NOT_OF_REQUESTS = (
    "_is_answering",
    "_leave",
    "_look",
    "_unset_keepalive_if_required",
    "cancel",
    "connection_lost",
    "eof_received",
    "get",
    "stop",
)


def _calls_of_a_request(profile: Profile, url: str) -> Calls:
    with httpx.Client(base_url=url) as client:
        for _ in range(2):
            profile.calls.clear()
            client.get("/x")
            wait_for(lambda: sum(count for (_, name), count in profile.calls.items() if name.endswith(".forget")) == 1)
        return Counter(profile.calls)  # before the connection ends


def _by_run(app: WebServer, ask: Callable[[str], Any], **options: Any) -> Any:
    port = free_port()
    thread = AdvancedThread(target=app.run, kwargs={"port": port, "load_dotenv": False, **options})
    thread.start()
    try:
        wait_for(lambda: is_listening(port))
        return ask(f"http://127.0.0.1:{port}")
    finally:
        thread.stop()


def test_the_same_calls(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/x", view_func=lane(lambda: "x"), endpoint="x")
    gc.collect()  # or what other tests have left is taken apart meanwhile
    profile = Profile()
    threading.setprofile(profile)
    try:
        with served(app, access_log=False, http=HTTPProtocol) as url:
            before = _calls_of_a_request(profile, url)
        without = _by_run(app, lambda url: _calls_of_a_request(profile, url), access_log=False)
        with_ = _by_run(app, lambda url: _calls_of_a_request(profile, url))
    finally:
        threading.setprofile(None)
    assert before == without
    assert len(before) > 10
    assert any(file.startswith("logs/") for file, _ in with_ - without)


@pytest.mark.parametrize("off", [{"access_log": False}, {"log_level": "warning"}, {"access_log_to_std": False}])
def test_the_same_objects(app: WebServer, off: dict[str, Any]) -> None:
    """``send``, ``receive`` and ``scope`` are the server's own; also after a server with an access log."""
    seen: list[Any] = []
    inner: Any = app.asgi_app

    async def look(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen[:] = [
                type(receive.__self__).__module__,
                type(send.__self__).__module__,
                "aeros_compat.record" in scope,
            ]
        await inner(scope, receive, send)

    app.asgi_app = look  # type: ignore[method-assign]
    _by_run(app, httpx.get)
    assert seen == ["aeros_compat.logs.access", "aeros_compat.logs.access", True]
    _by_run(app, httpx.get, **off)
    assert seen == ["aeros_compat.serving.sendfile", "aeros_compat.serving.sendfile", False]


def test_records_are_kept_while_a_server_logs(app: WebServer) -> None:
    app.add_url_rule("/x", view_func=lambda: app.core.asgi_http_class.__name__, endpoint="x")

    def ask(url: str) -> str:
        return httpx.get(url + "/x").text

    assert _by_run(app, ask) == RecordedConnection.__name__
    assert _by_run(app, ask, access_log=False) == HTTPConnection.__name__


def test_every_logger_is_left_as_it_was(app: WebServer) -> None:
    """After two servers, one of which ends before the other, too."""
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", ACCESS, app.name, None)

    def state() -> list[Any]:
        loggers = [logging.getLogger(name) for name in names]
        return [(each.level, list(each.handlers), each.propagate) for each in loggers] + [logging.lastResort]

    before = state()
    _by_run(app, lambda url: _by_run(app, lambda other: state() != before or pytest.fail("nothing was set up")))
    assert state() == before
