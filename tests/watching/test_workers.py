"""Several worker processes for real: their figures are those of one server."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ..servers import free_port, process, wait_for
from .test_pages import metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = "/_aeros/lanes"

PROGRAM = """
import os
from aeros_compat import WebServer

app = WebServer(__name__, watch="/_aeros/lanes", worker_threads=3)

@app.get("/sync")
@app.get("/metrics")
@app.get("/killed")
def sync():
    return str(os.getpid())

@app.get("/async")
async def in_async_lane():
    return str(os.getpid())

if __name__ == "__main__":
    app.run(port={port}, workers=2)
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests, each of which has a path of its own."""
    port, folder = free_port(), tmp_path_factory.mktemp("workers")
    (folder / "program.py").write_text(PROGRAM.replace("{port}", str(port)))
    with process("program", port=port, cwd=folder) as url:
        wait_for(lambda: len(figures(url)["workers"]) == 2)
        yield url


def figures(url: str, query: str = "") -> dict[str, Any]:
    # A connection of its own: any of the workers may answer.
    answer = httpx.get(f"{url}{PAGE}.json{query}", timeout=30)
    tree: dict[str, Any] = answer.raise_for_status().json()
    return tree


def requests_of(tree: dict[str, Any], rule: str) -> int:
    return sum(route["requests"] for route in tree["routes"] if route["rule"] == rule)


def ask_both_workers(url: str, path: str) -> tuple[int, set[int]]:
    """Ask on connections of their own until both workers have answered: how many requests, and who has answered."""
    pids: set[int] = set()
    count = 0
    while len(pids) < 2 or count < 20:
        pids.add(int(httpx.get(url + path, timeout=30).text))
        count += 1
    return count, pids


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_workers_are_added_up(url: str, path: str) -> None:
    count, pids = ask_both_workers(url, path)
    # Whoever answers: it knows of the other's requests.
    wait_for(lambda: requests_of(figures(url), path) == count)
    tree = figures(url)
    assert {worker["pid"] for worker in tree["workers"]} == pids
    assert tree["pid"] not in pids
    assert tree["threads"]["workers"] == 6
    parts = [figures(url, f"?worker={pid}") for pid in pids]
    assert [part["pid"] for part in parts] == list(pids)
    wait_for(lambda: sum(requests_of(figures(url, f"?worker={pid}"), path) for pid in pids) == count)
    assert httpx.get(f"{url}{PAGE}.json?worker=1").status_code == 404
    assert f"Worker {min(pids)}" in httpx.get(f"{url}{PAGE}?worker={min(pids)}").text


def test_prometheus_has_the_whole_and_by_request_each_worker(url: str) -> None:
    count, pids = ask_both_workers(url, "/metrics")
    wait_for(lambda: requests_of(figures(url), "/metrics") == count)

    def values(query: str) -> dict[str, float]:
        metrics = metrics_of(httpx.get(f"{url}{PAGE}.prom{query}").text)
        return {s.labels["pid"]: s.value for s in metrics["aeros_requests"] if s.labels["rule"] == "/metrics"}

    wait_for(lambda: list(values("").values()) == [count])  # the other one may not have heard of all yet
    wait_for(lambda: sum(values("?worker=all").values()) == count)
    assert set(values("?worker=all")) == {str(pid) for pid in pids}


def test_a_worker_that_is_killed_leaves_what_it_has_counted(url: str) -> None:
    count, pids = ask_both_workers(url, "/killed")
    wait_for(lambda: sum(requests_of(figures(url, f"?worker={pid}"), "/killed") for pid in pids) == count)
    killed = min(pids)
    # What the other one is told of it is what it leaves behind.
    wait_for(lambda: all(requests_of(figures(url), "/killed") == count for _ in range(10)))
    os.kill(killed, signal.SIGKILL)

    def is_replaced() -> bool:
        workers = {worker["pid"] for worker in figures(url)["workers"]}
        return killed not in workers and len(workers) == 2

    wait_for(is_replaced)
    assert requests_of(figures(url), "/killed") == count
    wait_for(lambda: figures(url)["threads"]["workers"] == 6)
