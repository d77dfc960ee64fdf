"""Views ranked by what converting them would free: from a real server, from files, from a log."""

from __future__ import annotations

import functools
import json
import time
from typing import TYPE_CHECKING

import flask
import httpx
import pytest
from click.testing import CliRunner

from aeros_compat import WebServer
from aeros_compat.command import main
from aeros_compat.report.pages import page_of
from aeros_compat.report.ranking import Code, Wait, ranked
from aeros_compat.report.sources import CannotRead, usages_from
from aeros_compat.report.usage import Usage

from ..browser import chromium
from ..programs import running
from ..servers import free_port, served

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from selenium.webdriver import Chrome

PATH = "/_aeros/lanes"

SHOP = """
import time
from flask import Flask
app = Flask(__name__)

def load():
    time.sleep(0.05)

@app.get("/orders/<int:number>")
def order(number):
    load()
    return ""

@app.get("/about")
def about():
    return ""
"""

#: What ``JSONFormatter`` writes for an access line.
LINE: dict[str, Any] = {
    "time": "2026-11-25T12:00:00.000+00:00",
    "level": "INFO",
    "logger": "aeros_compat.access",
    "message": "",
    "worker": 1,
    "client": "127.0.0.1",
    "method": "GET",
    "path": "/orders/1?x=1",
    "route": "/orders/<int:number>",
    "protocol": "HTTP/1.1",
    "status": 200,
    "bytes": 2,
    "duration_ms": 300.0,
    "lane": "sync",
    "wait_ms": 100.0,
    "outcome": "complete",
}


def audited(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return wrapper


def test_a_running_server() -> None:
    app = WebServer("shop", watch=PATH)

    @app.get("/slow")
    def slow() -> str:
        time.sleep(0.1)
        return ""

    @app.get("/quick")
    def quick() -> str:
        return ""

    @app.get("/kept")
    @audited
    async def kept() -> str:
        time.sleep(0.02)
        return ""

    @app.get("/async")
    async def asynchronous() -> str:
        return ""

    with served(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        for path in ("/slow", "/quick", "/kept", "/async"):
            client.get(path).raise_for_status()
        ranking = ranked(usages_from(f"{url}{PATH}.json", {}))
        printed = CliRunner().invoke(main, ["report", f"{url}{PATH}.json"], catch_exceptions=False).output
    names = [candidate.usage.name for candidate in ranking.candidates]
    assert names[0] == "GET /slow"
    assert set(names) == {"GET /slow", "GET /quick", "GET /kept"}
    assert ranking.candidates[0].usage.held >= 0.1
    assert "GET /async" in {usage.name for usage in ranking.rest}
    assert "GET /slow" in printed.splitlines()[2]


def log(path: Path, *lines: dict[str, Any]) -> str:
    path.write_text("a line of something else\n" + "".join(json.dumps(LINE | line) + "\n" for line in lines))
    return str(path)


def test_an_access_log(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {},
        {"duration_ms": 500.0},
        {"route": "/a", "lane": "async"},
        {"route": "/b", "status": 500},
        {"status": 101, "protocol": "WebSocket"},
        {"status": 1000, "protocol": "WebSocket", "duration_ms": 60000.0},
    ]
    ranking = ranked(usages_from(log(tmp_path / "access.log", *lines), {}))
    first = ranking.candidates[0].usage
    assert (first.name, first.requests) == ("GET /orders/<int:number>", 2)
    assert first.held == pytest.approx(0.6)
    assert first.waited == pytest.approx(0.2)
    assert [candidate.usage.errors for candidate in ranking.candidates] == [0, 1]
    assert [usage.name for usage in ranking.rest] == ["GET /a"]
    assert (ranking.requests, ranking.most) == (4, 2)


def test_a_log_with_the_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "")
    (tmp_path / "shop_of_report.py").write_text(SHOP)
    access = log(tmp_path / "access.log", {}, {"path": "/orders/2"}, {"route": "/about"}, {"route": "(no route)"})
    command = ["report", "--app", "shop_of_report:app", "--json", "--html", "page.html", access]
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    (first, *_) = json.loads(done.output)["candidates"]
    assert (first["usage"]["rule"], first["usage"]["requests"]) == ("/orders/<int:number>", 2)
    assert [(wait["text"], wait["place"], wait["kind"]) for wait in first["code"]["waits"]] == [
        ("time.sleep", "shop_of_report.py:7", "sleep")
    ]
    page = (tmp_path / "page.html").read_text()
    assert "sleep: time.sleep (shop_of_report.py:7)" in page
    command[3:4] = []
    for text in (page, CliRunner().invoke(main, [*command[:3], access], catch_exceptions=False).output):
        assert "aeros-compat asyncify --follow shop_of_report.py::order" in text


def test_the_log_of_a_server_is_grouped_by_route(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    port = free_port()
    command = ("-m", "aeros_compat", "run", "--port", str(port), "--watch", "--log-format", "json", "shop:app")
    with running(*command, "--access-log-file", "access.log", port=port, cwd=tmp_path) as server:
        for number in range(3):
            assert server.get(f"/orders/{number}").status_code == 200
        server.get("/nowhere")
        (counted,) = [route for route in server.get("/_aeros/lanes.json").json()["routes"] if route["requests"] == 3]
        assert counted["rule"] == "/orders/<int:number>"
    ranking = ranked(usages_from(str(tmp_path / "access.log"), {}))
    first, *rest = [(each.usage.name, each.usage.requests) for each in ranking.candidates]
    assert first == ("GET /orders/<int:number>", 3)
    assert rest == [("GET (no route)", 1)]


def test_views_that_asyncify_cannot_be_told_by_name() -> None:
    usages = [Usage("GET", "/", "sync", held=1.0)]
    wait = Wait("time.sleep", "shop.py:1", "sleep", "asyncio.sleep")
    for code, convertible in (
        (Code("", (wait,)), []),
        (Code("shop.py::view", ()), []),
        (Code("shop.py::view", (wait,)), ["shop.py::view"]),
    ):
        assert ranked(usages, {("/", "GET"): code}).convertible == convertible


def test_several_processes_are_added_up(tmp_path: Path) -> None:
    sources = [log(tmp_path / f"{number}.log", {}) for number in range(3)]
    (candidate,) = ranked([usage for source in sources for usage in usages_from(source, {})]).candidates
    assert candidate.usage.requests == 3


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"routes": [{}]}', '{"routes": 3}', '{"duration_ms": 1}', "GET / 200"]
)
def test_what_holds_no_statistics(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(text)
    done = CliRunner().invoke(main, ["report", str(tmp_path / "file")])
    assert done.exit_code == 2
    assert "holds no statistics" in done.output
    assert "aeros-compat run --watch" in done.output


def test_what_cannot_be_read(tmp_path: Path) -> None:
    app = WebServer("guarded", watch=PATH)
    app.before_request(lambda: ("", 401) if "X-Key" not in flask.request.headers else None)
    with served(app) as url:
        with pytest.raises(CannotRead, match=r"answers 401.*--header"):
            usages_from(f"{url}{PATH}.json", {})
        done = CliRunner().invoke(main, ["report", "--header", "X-Key: 1", f"{url}{PATH}.json"])
        assert done.exit_code == 0, done.output
    with pytest.raises(CannotRead, match="cannot be read"):
        usages_from(str(tmp_path / "nothing"), {})
    assert CliRunner().invoke(main, ["report", "--header", "X", "-"]).exit_code == 2


def test_nothing_to_convert() -> None:
    ranking = ranked([Usage("GET", "/", "async", requests=3)])
    assert ranking.candidates == ()
    assert "nothing that converting would free" in page_of(ranking, "shop")


def full_ranking() -> Any:
    usages = [
        Usage("GET", "/reports/briefing", "sync", "", 420, 0, 310.0, 44.0),
        Usage("POST", "/aircraft/<tail:tail>/orders/<int:number>/notes", "async on a thread",
              "sync decorator hangar.auth.login_required", 900, 3, 96.0, 31.0),
        Usage("GET", "/a/<script>", "sync", "", 90, 0, 12.0, 0.5),
        *(Usage("GET", f"/pages/{page}", "sync", "", 50, 0, 9.0 / page, 0.1) for page in range(1, 9)),
        Usage("GET", "/health", "async", "", 5000),
    ]  # fmt: skip
    waits = (
        Wait("requests.get", "hangar/lookups.py:12", "http", "httpx.AsyncClient"),
        Wait("sqlite3.connect", "hangar/db.py:31", "database", "await sync_to_async(function)(…)"),
    )
    return ranked(usages, {("/reports/briefing", "GET"): Code("hangar/reports.py::briefing", waits)})


WIDTHS = """
const bars = [...document.querySelectorAll('li.view svg')].map(svg =>
  [...svg.querySelectorAll('rect')].map(rect => Math.round(rect.getBoundingClientRect().width)));
return {bars, wide: document.documentElement.scrollWidth > innerWidth,
        colour: getComputedStyle(document.body).backgroundColor,
        loaded: performance.getEntriesByType('resource').length, scripts: document.scripts.length};
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_chromium(tmp_path: Path, scheme: str) -> None:
    page = tmp_path / "report.html"
    page.write_text(page_of(full_ranking(), "hangar:create_app()"), encoding="utf-8")
    with chromium(tmp_path / "profile") as browser:
        colours = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", colours)
        for name, width in (("desk", 1100), ("phone", 360)):
            seen = seen_at(browser, page, width)
            browser.save_screenshot(str(tmp_path / f"{scheme}-{name}.png"))
            assert not seen["wide"], width
            assert (seen["loaded"], seen["scripts"]) == (0, 0)
            tracks, held, waited = zip(*seen["bars"], strict=True)
            assert len(set(tracks)) == 1
            assert list(held) == sorted(held, reverse=True)
            assert held[0] / tracks[0] == pytest.approx(310 / 354, abs=0.02)
            assert waited[0] / tracks[0] == pytest.approx(44 / 354, abs=0.02)
        assert (sum(map(int, seen["colour"][4:-1].split(","))) > 384) == (scheme == "light")
        problems: list[dict[str, str]] = browser.get_log("browser")  # type: ignore[no-untyped-call]
        assert problems == []


def seen_at(browser: Chrome, page: Path, width: int) -> dict[str, Any]:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    seen: dict[str, Any] = browser.execute_script(WIDTHS)
    return seen
