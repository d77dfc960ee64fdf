"""The README keeps its word: its code runs, its commands exist, its links lead somewhere."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from aeros_compat import Compression
from aeros_compat.policy import compression
from aeros_compat.webserver import WORKER_THREADS

from .servers import wait_for

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def client_of(section: str) -> Any:
    """A test client of the application that the code of a section makes."""
    text = README.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)
    return names["app"].test_client()


def test_quick_start() -> None:
    """What the code answers; tests/beyond/test_quick_start.py does the rest, as a newcomer does."""
    client = client_of("Quick start")
    assert client.get("/").text == "Hello from a worker thread"
    assert client.get("/async").text == "Hello from the event loop"


def test_use() -> None:
    client = client_of("Use it")
    assert client.get("/").text == "Visit 1"
    assert client.get("/wait?seconds=0.01").json == {"visits": 2}
    assert client.get("/").text == "Visit 3"


def test_mounts() -> None:
    client = client_of("Mount what stays")
    assert client.get("/tool/a/b").text == "/tool /a/b"
    assert client.get("/api/x").text == "/api"
    assert client.get("/apiary").status_code == 404


def test_websockets() -> None:
    client = client_of("Websockets").application.async_test_client()

    async def run() -> None:
        async with client.websocket("/echo") as websocket:
            await websocket.send("x")
            assert await websocket.receive() == "x"
        async with client.websocket("/chat/tea") as websocket:
            assert await websocket.receive() == "/chat/tea is open, stranger."

    asyncio.run(run())


def test_caching() -> None:
    client = client_of("Caching")
    app = client.application
    first, second = client.get("/prices"), client.get("/prices")
    assert first.json == second.json == {"apple": 1}
    assert second.headers["Cache-Control"] == "public, max-age=5"
    assert client.get("/prices", headers={"If-None-Match": second.headers["ETag"]}).status_code == 304
    assert app.cache_stats().hits == 2
    assert client.post("/prices/pear/2").status_code == 204
    assert client.get("/prices").json == {"apple": 1, "pear": 2}


def test_logs(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("aeros_compat.access")
    found: list[str] = []
    collector = logging.Handler()
    collector.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(collector)
    try:
        client = client_of("Logs")
        assert client.get("/buy?token=secret").text == "bought"
        client.get("/health")
        wait_for(lambda: bool(found))
    finally:
        logger.handlers.clear()
        logger.filters.clear()
        logger.setLevel(logging.NOTSET)
    (line,) = found
    assert line.startswith('127.0.0.1 "GET /buy HTTP/1.1" 200 6B ')


def test_policies() -> None:
    client = client_of("Compression, CORS, headers")
    answer = client.get("/api/squares", headers={"Accept-Encoding": "gzip", "Origin": "https://a.shop.example"})
    assert json.loads(gzip.decompress(answer.data))["9"] == 81
    assert answer.headers["Access-Control-Allow-Origin"] == "https://a.shop.example"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert client.get("/public/x").headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in client.get("/x", headers={"Origin": "https://a.shop.example"}).headers
    assert Compression(level=2, min_size=500).config.items() <= compression.defaults().items()


def test_every_block_of_code_is_tested() -> None:
    tests = Path(__file__).read_text()
    for section in re.split(r"\n## ", README)[1:]:
        if "```python" in section:
            name = section.partition("\n")[0]
            assert f'client_of("{name}")' in tests


def test_the_swap_is_one_import_and_one_class() -> None:
    (diff,) = blocks("diff")
    added = [line for line in diff.splitlines() if line.startswith("+")]
    assert added == ["+from aeros_compat import WebServer", "+app = WebServer(__name__)"]


@pytest.mark.parametrize("command", [line for block in blocks("sh") for line in block.splitlines()])
def test_commands_exist(command: str) -> None:
    script = ROOT / command.split()[0]
    assert script.stat().st_mode & 0o111, f"{script} cannot be executed"


def test_continuous_integration_calls_the_test_command_of_the_readme() -> None:
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "scripts/test"
    assert "scripts/test\n" in "".join(blocks("sh"))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(((?!http)[^)#]+)", README))))
def test_links(target: str) -> None:
    assert (ROOT / target).exists()


def test_defaults() -> None:
    assert f"| `worker_threads` | {WORKER_THREADS} |" in README
