"""Servers on threads that are not the main one, and how they end."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest

from aeros_compat import AdvancedThread, WebServer

from ..servers import free_port, is_listening, wait_for

if TYPE_CHECKING:
    from ..conftest import Lane


@pytest.fixture
def port() -> int:
    return free_port()


def served_by(app: WebServer, port: int, kind: type[Thread] = AdvancedThread) -> Thread:
    app.host, app.port = "127.0.0.1", port
    thread = kind(target=app.run_server, daemon=True)
    thread.start()
    wait_for(lambda: is_listening(port))
    return thread


@pytest.mark.parametrize("kind", [Thread, AdvancedThread])
def test_start_stop_and_start_again(app: WebServer, port: int, kind: type[Thread]) -> None:
    app.add_url_rule("/", view_func=lambda: "ok", endpoint="ok")
    for round_ in range(2):
        thread = served_by(app, port, kind)
        assert httpx.get(f"http://127.0.0.1:{port}/").text == "ok"
        app.stop()
        thread.join(10)
        assert not thread.is_alive()
        assert app.servers == set()
        # The port is free.
        socket.create_server(("127.0.0.1", port)).close()
        app.add_url_rule(f"/{round_}", view_func=lambda: "later", endpoint=f"later{round_}")


def test_requests_in_flight_are_finished(app: WebServer, lane: Lane, port: int) -> None:
    entered = threading.Event()

    @app.get("/")
    async def waits() -> str:
        entered.set()
        await asyncio.sleep(0.5)
        return "finished"

    @app.get("/sync")
    def sync_waits() -> str:
        entered.set()
        time.sleep(0.5)
        return "finished"

    for path in ("/", "/sync"):
        entered.clear()
        thread = served_by(app, port)
        assert isinstance(thread, AdvancedThread)
        answers: list[str] = []
        url = f"http://127.0.0.1:{port}{path}"
        client = Thread(target=lambda url=url, answers=answers: answers.append(httpx.get(url).text))
        client.start()
        assert entered.wait(10)
        thread.stop(20)
        client.join(10)
        assert answers == ["finished"]
        assert not thread.is_alive()


def test_stopped_before_it_has_started(app: WebServer, port: int) -> None:
    """No stop is lost, however early it comes."""
    app.host, app.port = "127.0.0.1", port
    thread = AdvancedThread(target=app.run_server, daemon=True)
    thread.start()
    thread.stop(20)
    assert not thread.is_alive()
    assert not is_listening(port)


def test_two_servers_in_one_process(app: WebServer, port: int) -> None:
    app.add_url_rule("/", view_func=lambda: "first", endpoint="ok")
    other = WebServer("other")
    other.add_url_rule("/", view_func=lambda: "second", endpoint="ok")
    other_port = free_port()
    first, second = served_by(app, port), served_by(other, other_port)
    assert httpx.get(f"http://127.0.0.1:{port}/").text == "first"
    assert httpx.get(f"http://127.0.0.1:{other_port}/").text == "second"
    app.stop()
    first.join(10)
    assert not is_listening(port)
    assert httpx.get(f"http://127.0.0.1:{other_port}/").text == "second"
    other.stop()
    second.join(10)
    assert not second.is_alive()


def test_a_view_stops_its_own_server(app: WebServer, lane: Lane, port: int) -> None:
    @app.get("/")
    @lane
    def stop() -> str:
        app.stop()
        return "stopping"

    thread = served_by(app, port)
    assert httpx.get(f"http://127.0.0.1:{port}/").text == "stopping"
    thread.join(10)
    assert not thread.is_alive()


def test_a_thread_without_a_server() -> None:
    """It is a thread like others; stopping it waits for its end."""
    done: list[int] = []
    thread = AdvancedThread(target=done.append, args=(1,))
    thread.start()
    thread.stop()
    assert done == [1]
