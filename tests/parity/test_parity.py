"""The command over real applications: those that are the same, and those that are not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from aeros_compat.parity.request import Request, read_corpus, write_corpus

from ..programs import ended

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

SAME = """
import secrets, sqlite3, time
from flask import Flask, abort, g, redirect, request, session

app = Flask(__name__)
app.secret_key = "only for tests"

@app.before_request
def before():
    g.before = "before"

@app.errorhandler(404)
def missing(error):
    return "nothing here", 404

@app.get("/")
def index():
    return g.before * 200

@app.get("/now")
def now():
    return {"now": time.time(), "token": secrets.token_urlsafe(16), "same": "always"}

@app.get("/count")
def count():
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])

@app.get("/fails")
def fails():
    raise KeyError("fails")

@app.get("/ticks")
def ticks():
    def endless():
        while True:
            yield "tick " * 100_000
    return endless()

@app.post("/orders")
def order():
    with sqlite3.connect("shop.db") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (name, at)")
        connection.execute("INSERT INTO orders VALUES (?, ?)", (request.form["name"], time.time()))
    return redirect("/")

app.run()  # nobody has guarded it
"""

#: In each view, something that is not the same on other threads, or under another class.
DIFFERENT = """
import asyncio, sqlite3, threading
from flask import Flask, g, request

app = Flask(__name__)
local = threading.local()
local.value = "of the thread that has imported this"

@app.before_request
def before():
    g.thread = threading.get_ident()

@app.teardown_request
def teardown(error):
    pass

@app.get("/local")
def thread_local():
    return getattr(local, "value", "nothing")

@app.get("/class")
def class_of_application():
    return "ok", {"X-Class": type(app).__name__, "Set-Cookie": f"class={type(app).__name__}"}

@app.get("/loop")
def loop():
    return str(asyncio.run(asyncio.sleep(0, "slept")))

@app.get("/fine")
def fine():
    return "fine"

@app.post("/orders")
def order():
    with sqlite3.connect("shop.db") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (class)")
        connection.execute("INSERT INTO orders VALUES (?)", (type(app).__name__,))
    return "ok"

if type(app).__name__ != "Flask":
    @app.after_request
    def after(response):
        return response
"""


def parity(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return ended("-m", "aeros_compat", "parity", *options, cwd=folder, timeout=120)


def test_an_application_that_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SAME)
    database = tmp_path / "shop.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE orders (name, at)")
        connection.execute("INSERT INTO orders VALUES ('old', 1)")
    form = (("Content-Type", "application/x-www-form-urlencoded"), ("Accept-Encoding", "gzip"))
    visit = [
        Request("GET", "/count", visit="one"),
        Request("GET", "/count", visit="one"),
        Request("GET", "/count", visit="two"),
        Request("POST", "/orders", form, b"name=new", "one"),
        Request("GET", "/", form, visit="one"),
    ]
    write_corpus(tmp_path / "visit.json", visit)
    options = ("--corpus", "visit.json", "--routes", "--unsafe", "--sqlite", "shop.db")
    done = parity(tmp_path, "shop:app", *options, "--write-corpus", "all.json")
    assert done.returncode == 0, done.stdout + done.stderr
    requests = read_corpus(tmp_path / "all.json")
    assert requests[: len(visit)] == visit
    assert f"sync views: {len(requests)} of {len(requests)} requests the same." in done.stdout
    assert f"async views: {len(requests)} of {len(requests)} requests the same." in done.stdout
    assert "No end in time on Flask, and compared as far as they came: GET /ticks." in done.stdout
    assert "body of 1" in done.stdout  # of /now
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT * FROM orders").fetchall() == [("old", 1)]


@pytest.fixture(scope="module")
def different(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report on an application that is not the same."""
    folder = tmp_path_factory.mktemp("different")
    (folder / "shop.py").write_text(DIFFERENT)
    done = parity(folder, "shop:app", "--unsafe", "--sqlite", "shop.db", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert not (folder / "shop.db").exists()
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def found(report: dict[str, Any], lane: str, target: str, part: str) -> tuple[str, str] | None:
    """What Flask and what WebServer gave, if that differs."""
    for finding in report["findings"]:
        request = finding["request"]
        if (finding["lane"], request["method"], request["target"]) == (lane, "GET", target):
            for difference in finding["differences"]:
                if difference["part"] == part:
                    return difference["flask"], difference["webserver"]
    return None


def test_an_answer_of_a_thread(different: dict[str, Any]) -> None:
    assert different["same"] is False
    assert found(different, "sync", "/local", "body") == ("'of the thread that has imported this'", "'nothing'")
    # The event loop's thread is that of the import, as Flask's.
    assert found(different, "async", "/local", "body") is None


@pytest.mark.parametrize("lane", ["sync", "async"])
def test_headers_cookies_hooks_and_rows(different: dict[str, Any], lane: str) -> None:
    assert found(different, lane, "/class", "header x-class") == ("'Flask'", "'WebServer'")
    assert found(different, lane, "/class", "cookies") == ("'class=Flask'", "'class=WebServer'")
    hooks = found(different, lane, "/fine", "hooks")
    assert hooks is not None
    assert "after_request shop.after" not in hooks[0]
    assert "after_request shop.after" in hooks[1]
    assert found(different, lane, "/fine", "body") is None
    rows = {"table": "shop.db: orders", "flask": ["class='Flask'"], "webserver": ["class='WebServer'"]}
    assert rows | {"lane": lane} in different["rows"]


def test_a_body_that_cannot_run_on_an_event_loop(different: dict[str, Any]) -> None:
    assert found(different, "sync", "/loop", "status") is None
    assert found(different, "async", "/loop", "status") == ("'200'", "'500'")


def test_text_of_differences(tmp_path: Path) -> None:
    """In one lane only, from an access log, without unsafe methods."""
    (tmp_path / "shop.py").write_text(DIFFERENT)
    lines = ('1.2.3.4 - - [x] "GET /local HTTP/1.1" 200 1', '1.2.3.4 - - [x] "POST /orders HTTP/1.1" 200 1', "what")
    (tmp_path / "access.log").write_text("\n".join(lines))
    done = parity(tmp_path, "shop:app", "--log", "access.log", "--lane", "sync")
    assert done.returncode == 1
    assert done.stdout.startswith("GET /local\n  sync views\n    hooks\n      - 'before_request shop.before")
    assert "\n    body\n      - 'of the thread that has imported this'\n      + 'nothing'\n" in done.stdout
    assert "access.log: 1 lines are no requests." in done.stdout
    assert "1 requests with unsafe methods were left out: --unsafe replays them." in done.stdout
    assert "Databases were not compared" in done.stdout
    assert not (tmp_path / "shop.db").exists()


def test_an_application_that_names_webserver_already(tmp_path: Path) -> None:
    """Plain Flask takes its place, without what Flask does not know."""
    (tmp_path / "shop.py").write_text(
        "from aeros_compat import WebServer\n"
        "app = WebServer(__name__, static_folder=None, global_headers={'X-Frame-Options': 'DENY'})\n"
        "app.add_url_rule('/', view_func=lambda: 'ok')\n"
    )
    done = parity(tmp_path, "shop.py:app", "--lane", "async")
    assert done.returncode == 1
    assert "header x-frame-options\n      - (none)\n      + 'DENY'" in done.stdout
    assert "- 'ok'" not in done.stdout


@pytest.mark.parametrize(
    ("module", "arguments", "text"),
    [
        ("", ["shop:missing"], "Failed to find attribute 'missing'"),
        ("1 / 0", ["shop:app"], "ZeroDivisionError"),
        ("", ["shop:app", "--har", "shop.py"], "shop.py is no HAR file"),
    ],
)
def test_what_cannot_be_asked(tmp_path: Path, module: str, arguments: list[str], text: str) -> None:
    (tmp_path / "shop.py").write_text(module)
    done = parity(tmp_path, *arguments)
    assert done.returncode in (1, 2)
    assert text in done.stderr
    assert "Error: " in done.stderr


def test_nothing_that_serves_knows_of_the_tools() -> None:
    """They replace names of others, in processes of tests."""
    done = ended("-c", "import sys, aeros_compat; print([name for name in sys.modules if 'parity' in name])", cwd=None)  # type: ignore[arg-type]
    assert done.stdout == "[]\n"
