"""How many times a request crosses from the event loop to a thread: counted, not timed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart
from asgiref.sync import sync_to_async

from aeros_compat import SimpleCache
from aeros_compat.lanes.threads import Lease, Turn, WorkerThreads

from .servers import served

if TYPE_CHECKING:
    from pathlib import Path

    from aeros_compat import WebServer
    from aeros_compat.lanes.threads import Call


class CountingThreads(WorkerThreads):
    """Worker threads that count the jobs which they are given."""

    def __init__(self) -> None:
        super().__init__(2)
        self.hops = 0

    def turn(self) -> Turn:
        turn: Turn = _counting(Turn)(self)
        return turn

    def lease(self) -> Lease:
        lease: Lease = _counting(Lease)(self)
        return lease


def _counting(kind: type[Any]) -> Any:
    class Counting(kind):  # type: ignore[misc]
        def post(self, call: Call) -> None:
            self._threads.hops += 1
            super().post(call)

    return Counting


@pytest.fixture
def counted(app: WebServer) -> WebServer:
    counting = CountingThreads()
    app._threads.get = lambda limit: counting  # type: ignore[method-assign]
    app.add_url_rule("/sync", view_func=lambda: "sync", endpoint="sync")

    async def view() -> str:
        return "async"

    app.add_url_rule("/async", view_func=view, endpoint="async")
    return app


def hops_of(app: WebServer, path: str, status: int = 200) -> int:
    threads = app.threads
    assert isinstance(threads, CountingThreads)
    with served(app) as url, httpx.Client(base_url=url) as client:
        client.get(path)  # the first request may set things up
        before = threads.hops
        assert client.get(path).status_code == status
        return threads.hops - before


def add_sync_hooks(app: WebServer, count: int) -> None:
    for _ in range(count):
        app.before_request(lambda: None)
        app.after_request(lambda response: response)
        app.teardown_request(lambda error: None)
        app.teardown_appcontext(lambda error: None)


def test_hit_of_the_cache_in_memory_costs_no_more_than_the_lane(counted: WebServer) -> None:
    counted._use_cache(SimpleCache(timeout=300))
    for path in ("/sync", "/async"):
        endpoint = path[1:]
        counted.view_functions[endpoint] = counted.cache()(counted.view_functions[endpoint])
    assert (hops_of(counted, "/sync"), hops_of(counted, "/async")) == (1, 0)
    assert counted.cache_stats().hits == 2


def test_a_small_file_costs_one_hop(counted: WebServer, tmp_path: Path) -> None:
    """Opened, read and closed in one go; a large one is kept open on its thread."""
    (tmp_path / "small").write_bytes(b"x" * 10_000)
    counted.add_url_rule("/file", view_func=lambda: flask.send_file(tmp_path / "small"), endpoint="file")
    assert hops_of(counted, "/file") == 1


def test_a_mounted_wsgi_application_costs_one_hop(counted: WebServer) -> None:
    counted.mount("/mounted", flask.Flask("mounted", static_folder=None))

    @counted.mounts.find("/mounted").app.get("/")  # type: ignore[union-attr,untyped-decorator]
    def view() -> str:
        return "mounted"

    assert hops_of(counted, "/mounted/") == 1


def test_an_error_costs_no_more_than_its_lane(counted: WebServer) -> None:
    """Flask makes its response by calling the exception as a WSGI application, whose iterable has a ``close``."""

    async def gone() -> str:
        flask.abort(410)

    async def left() -> Any:
        flask.abort(flask.Response("left", 410))

    counted.add_url_rule("/gone", view_func=lambda: flask.abort(410), endpoint="gone")
    counted.add_url_rule("/async-gone", view_func=gone, endpoint="async gone")
    counted.add_url_rule("/async-left", view_func=left, endpoint="async left")
    counted.add_url_rule("/slash/", view_func=lambda: "", endpoint="slash")
    assert hops_of(counted, "/nothing", 404) == 1
    assert hops_of(counted, "/slash", 308) == 1
    assert hops_of(counted, "/gone", 410) == 1
    assert hops_of(counted, "/async-gone", 410) == 0
    assert hops_of(counted, "/async-left", 410) == 0


async def _async_hook(*args: Any) -> Any:
    return args[0] if args else None


@pytest.mark.parametrize("hooks", [0, 1, 5])
def test_sync_view_costs_one_hop_however_many_hooks(counted: WebServer, hooks: int) -> None:
    add_sync_hooks(counted, hooks)
    assert hops_of(counted, "/sync") == 1


def test_async_view_without_sync_hooks_costs_none(counted: WebServer) -> None:
    assert hops_of(counted, "/async") == 0


def test_async_hooks_around_an_async_view_cost_none(counted: WebServer) -> None:
    counted.before_request(_async_hook)
    counted.after_request(_async_hook)
    counted.teardown_request(_async_hook)
    counted.teardown_appcontext(_async_hook)
    assert hops_of(counted, "/async") == 0


@pytest.mark.parametrize("hooks", [1, 5])
def test_async_view_with_sync_hooks_costs_at_most_two(counted: WebServer, hooks: int) -> None:
    add_sync_hooks(counted, hooks)
    assert hops_of(counted, "/async") == 2


def test_sync_and_async_hooks_in_turns_cost_two(counted: WebServer) -> None:
    for _ in range(3):
        add_sync_hooks(counted, 1)
        counted.before_request(_async_hook)
        counted.after_request(_async_hook)
        counted.teardown_request(_async_hook)
    assert hops_of(counted, "/async") == 2


def test_only_teardown_is_sync(counted: WebServer) -> None:
    counted.teardown_appcontext(lambda error: None)
    assert hops_of(counted, "/async") == 1


def test_sync_pieces_of_an_async_request_share_a_thread(counted: WebServer) -> None:
    """Also a plain ``sync_to_async(f)`` of the view, and a context processor under Quart's render_template."""
    names: list[str] = []

    def note(*args: Any) -> Any:
        names.append(threading.current_thread().name)
        return args[0] if args else None

    counted.before_request(lambda: note())
    counted.after_request(note)
    counted.teardown_request(note)
    counted.teardown_appcontext(note)
    counted.context_processor(lambda: note() or {})

    @counted.route("/all")
    async def view() -> str:
        flask.after_this_request(note)
        await sync_to_async(note)()
        await quart.render_template_string("x")
        names.append("loop " + threading.current_thread().name)
        return "ok"

    assert hops_of(counted, "/all") == 4
    names = names[len(names) // 2 :]
    assert [name for name in names if name.startswith("loop")] == ["loop test-uvicorn"]
    assert len({name for name in names if not name.startswith("loop")}) == 1
    assert len(names) == 8


def test_who_listens_to_another_application_costs_nothing(counted: WebServer) -> None:
    heard: list[object] = []
    other = flask.Flask("other")
    names = ("appcontext_pushed", "appcontext_popped", "appcontext_tearing_down", "request_started")
    signals = [getattr(flask.signals, name) for name in (*names, "request_finished", "request_tearing_down")]

    def listen(sender: object, **values: object) -> None:
        heard.append(sender)

    for signal in signals:
        signal.connect(listen, other)
    assert hops_of(counted, "/async") == 0
    assert heard == []
    for signal in signals:
        signal.connect(listen, counted)
    assert hops_of(counted, "/async") == 2
    assert heard == [counted] * 2 * len(signals)
