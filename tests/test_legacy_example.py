"""The legacy example at each of its steps: its own suite, and the served application, through every route."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from .legacy import ROOT, STEPS, Visitor, copy_example, environment, fill, run, served
from .programs import PYTHON
from .servers import free_port, is_listening, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAIL = "N102UW"
PLANE = f"/aircraft/{TAIL}"
DOCUMENTS = f"{PLANE}/documents/"
CESSNA = {
    "manufacturer": "CESSNA",
    "model": "172N",
    "type": "Fixed wing single engine",
    "year": "1979",
    "engines": "1",
    "engine": "Reciprocating",
    "seats": "4",
    "speed": "",
    "base": "teb",
}
#: More than the server holds in memory before a view starts, less than the example takes.
CONTENT = os.urandom(1_500_000)

#: Says which pairs of rule and method of the application are not among the requests that come in.
UNCOVERED = """
import json, sys
from werkzeug.exceptions import HTTPException
from wsgi import app

urls = app.url_map.bind("localhost")
missing = {(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods}
print(len(missing))
for method, path in json.load(sys.stdin):
    try:
        rule, _ = urls.match(path, method, return_rule=True)
    except HTTPException:
        continue
    missing.discard((rule.rule, method))
print(*sorted(missing))
"""

#: Names the endpoints whose view, or a method of whose view, is a coroutine function.
ASYNC_VIEWS = """
import inspect
from wsgi import app

for endpoint, view in app.view_functions.items():
    cls = getattr(view, "view_class", None)
    methods = [getattr(cls, method.lower(), None) for method in getattr(cls, "methods", None) or ()]
    if any(inspect.iscoroutinefunction(inspect.unwrap(part)) for part in (view, *filter(None, methods))):
        print(endpoint)
"""


# The example's own suite.


@pytest.fixture(scope="module")
def suites(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[int, str]]:
    """Exit code and output of the example's suite at each step. They run at the same time."""

    def run_suite(step: int) -> tuple[int, str]:
        folder = copy_example(tmp_path_factory.mktemp("suite") / "hangar", step)
        done = subprocess.run(
            (*PYTHON, "-m", "pytest", "-W", "error", "-q", "-ra", "-p", "no:cacheprovider"),
            cwd=folder,
            env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        return done.returncode, done.stdout

    with ThreadPoolExecutor(len(STEPS)) as pool:
        return dict(zip(STEPS, pool.map(run_suite, STEPS), strict=True))


@pytest.mark.parametrize("step", list(STEPS), ids=list(STEPS.values()))
def test_its_own_suite(suites: dict[int, tuple[int, str]], step: int) -> None:
    code, output = suites[step]
    assert code == 0, output
    summary = output.strip().splitlines()[-1]
    # Nothing but passed tests, and as many of them as on plain Flask.
    assert re.fullmatch(r"251 passed in .*", summary), output


# The served application.


class Site:
    """The application at one step, served."""

    def __init__(self, step: int, folder: Path, url: str) -> None:
        self.step = step
        self.folder = folder
        self.url = url


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the application keeps in its instance folder, filled by its own commands."""
    folder = copy_example(tmp_path_factory.mktemp("data") / "hangar", 1)
    fill(folder)
    return folder / "instance"


@pytest.fixture(scope="module", params=list(STEPS), ids=list(STEPS.values()))
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Site]:
    folder = copy_example(tmp_path_factory.mktemp("site") / "hangar", request.param)
    shutil.copytree(data, folder / "instance")
    with served(folder, "from wsgi import app; app.run(port=port)") as url:
        yield Site(request.param, folder, url)


@pytest.fixture
def visitors(site: Site) -> Iterator[tuple[Visitor, Visitor]]:
    first, second = Visitor(site.url), Visitor(site.url)
    yield first, second
    first.close()
    second.close()


def test_every_route(site: Site, visitors: tuple[Visitor, Visitor]) -> None:
    lee, maria = visitors
    look_around(lee)
    token = sign_up(lee)
    log_in_as_lead(maria)
    keep_the_register(maria)
    work_on_orders(lee, maria)
    exchange_documents(lee, maria)
    read_reports(lee)
    use_the_api(lee, token, make_token(maria))
    go_wrong(lee)
    leave(lee)
    ask_for_options(maria, {path for _, path in lee.requests + maria.requests})

    requests = json.dumps(lee.requests + maria.requests)
    count, missing = run(*PYTHON, "-c", UNCOVERED, cwd=site.folder, stdin=requests).splitlines()
    assert int(count) > 140
    assert missing == ""


def look_around(guest: Visitor) -> None:
    """What everybody may see."""
    assert "3,322 aircraft" in guest.get("/").text
    assert "/api/v1/stats" in guest.get("/about").text
    assert guest.get("/healthz").text == "ok hangar\n"
    style = guest.get("/static/style.css")
    guest.get("/static/style.css", 304, headers={"If-None-Match": style.headers["ETag"]})
    assert "John F Kennedy Intl" in guest.get("/search?q=JFK").text
    assert guest.get("/search?q=n102uw", 302).headers["location"] == PLANE
    assert "1,630 aircraft" in guest.get("/aircraft/?manufacturer=BOEING&page=2").text
    assert "AIRBUS INDUSTRIE A320-214" in guest.get(PLANE).text
    assert "None." in guest.get(f"{PLANE}/orders/").text
    assert guest.get("/airports/").text.count('<td><a href="/airports/') == 339
    assert " nm" in guest.get("/airports/JFK").text
    guest.post("/units/metric", expected=303)
    assert " km" in guest.get("/airports/JFK").text
    guest.post("/units/imperial", expected=303)
    assert "None." in guest.get("/board/").text
    assert "None." in guest.get("/board/closed").text


def sign_up(lee: Visitor) -> str:
    """A mechanic signs up, logs in at the second attempt, and makes a token."""
    lee.get("/auth/register")
    new = {"username": "lee", "display_name": "Lee", "password": "lee-password", "confirm": "lee-password"}
    assert lee.post("/auth/register", new).headers["location"] == "/auth/login"
    assert "That user name is taken." in lee.post("/auth/register", new, expected=200).text
    login = "/auth/login?next=/auth/profile"
    lee.get(login)
    refused = lee.post(login, {"username": "lee", "password": "wrong"}, expected=200)
    assert "The user name or the password is wrong." in refused.text
    entered = lee.post(login, {"username": "lee", "password": "lee-password"})
    assert entered.headers["location"] == "/auth/profile"
    lee.get("/auth/profile")
    lee.post("/auth/profile", {"display_name": "Lee Mechanic"})
    assert "Lee Mechanic" in lee.get("/auth/profile").text
    return make_token(lee)


def make_token(visitor: Visitor) -> str:
    visitor.post("/auth/token")
    found = re.search(r"Your new API token: ([\w-]+)", visitor.ask("GET", "/auth/profile").text)
    assert found is not None
    return found[1]


def log_in_as_lead(maria: Visitor) -> None:
    maria.get("/auth/login")
    maria.post("/auth/login", {"username": "maria", "password": "maria-password", "remember": "y"})
    assert "Audit" in maria.get("/").text


def keep_the_register(maria: Visitor) -> None:
    maria.get("/aircraft/new")
    refused = maria.post("/aircraft/new", CESSNA | {"tail_number": TAIL}, expected=200)
    assert "That aircraft is in the register already." in refused.text
    created = maria.post("/aircraft/new", CESSNA | {"tail_number": "n4711c"})
    assert created.headers["location"] == "/aircraft/N4711C"
    maria.get("/aircraft/N4711C/edit")
    refused = maria.post("/aircraft/N4711C/edit", CESSNA | {"base": "XXX"}, expected=200)
    assert "There is no such airport." in refused.text
    maria.post("/aircraft/N4711C/edit", CESSNA | {"model": "172 <P>"})
    assert "172 &lt;P&gt;" in maria.get("/aircraft/N4711C").text
    maria.post("/aircraft/N4711C/watch")
    assert "N4711C" in maria.get("/").text
    changes = maria.get("/audit/?action=aircraft-changed").text
    assert "<td>N4711C</td><td>registered</td>" in changes
    assert "<td>N4711C</td><td>model</td>" in changes


def work_on_orders(lee: Visitor, maria: Visitor) -> None:
    lee.get(f"{PLANE}/orders/new")
    order = {"title": "Replace the tyre", "category": "landing gear", "priority": "urgent", "due_on": "2020-01-01"}
    assert lee.post(f"{PLANE}/orders/new", order).headers["location"] == f"{PLANE}/orders/1"
    noted = lee.post(f"{PLANE}/orders/1/notes", {"body": "The part <is> on its way."})
    assert noted.headers["location"] == f"{PLANE}/orders/1#notes"
    page = lee.get(f"{PLANE}/orders/1").text
    assert "The part &lt;is&gt; on its way." in page
    assert "overdue" in page
    assert "Board (1)" in page
    lee.post(f"{PLANE}/orders/1/close")
    lee.post(f"{PLANE}/orders/1/reopen", expected=403)
    maria.get(PLANE)
    maria.post(f"{PLANE}/orders/1/reopen")
    assert "is open again" in maria.get(f"{PLANE}/orders/1").text
    assert "Replace the tyre" in lee.get("/board/open").text


def exchange_documents(lee: Visitor, maria: Visitor) -> None:
    lee.get(DOCUMENTS)
    stored = lee.post(DOCUMENTS, {"title": "Engine log"}, files={"file": ("Engine log.pdf", CONTENT)})
    assert stored.headers["location"] == DOCUMENTS
    assert "The document is stored." in lee.get(DOCUMENTS).text
    assert "This field is required." in lee.post(DOCUMENTS, {"title": "No file"}, expected=200).text

    whole = lee.get(f"{DOCUMENTS}1")
    assert hashlib.sha256(whole.content).digest() == hashlib.sha256(CONTENT).digest()
    assert whole.headers["content-length"] == str(len(CONTENT))
    assert whole.headers["content-disposition"] == "attachment; filename=Engine_log.pdf"
    part = lee.ask("GET", f"{DOCUMENTS}1", 206, headers={"Range": "bytes=1000-1099"})
    assert part.content == CONTENT[1000:1100]
    assert part.headers["content-range"] == f"bytes 1000-1099/{len(CONTENT)}"
    lee.ask("GET", f"{DOCUMENTS}1", 416, headers={"Range": "bytes=9000000-"})
    lee.ask("GET", f"{DOCUMENTS}1", 304, headers={"If-None-Match": whole.headers["etag"]})

    lee.post(f"{DOCUMENTS}1/delete", expected=403)
    maria.post(f"{DOCUMENTS}1/delete")
    lee.get(f"{DOCUMENTS}1", 404)


def read_reports(lee: Visitor) -> None:
    assert "Shift briefing" in lee.get("/reports/").text
    assert "BOEING" in lee.get("/reports/fleet").text
    assert "2000\N{EN DASH}2004" in lee.get("/reports/age").text
    assert "Lee Mechanic" in lee.get("/reports/workload").text
    assert " GBP " in lee.ask("GET", "/reports/briefing?airport=bos&currency=gbp").text
    no_answer = lee.get("/reports/briefing?currency=XXX", 503)
    assert no_answer.headers["retry-after"] == "60"
    assert "There is no exchange rate for XXX." in no_answer.text

    register = lee.get("/reports/register")
    assert register.text.count("<li>") == 3323
    assert "Printed for Lee Mechanic." in register.text
    header, *rows = csv_rows(lee.get("/reports/aircraft.csv"))
    assert header[:3] == ["tail_number", "year", "type"]
    assert len(rows) == 3323  # those of the data set, and the one that the lead mechanic has added
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert {row[3] for row in csv_rows(lee.get("/reports/aircraft.csv?manufacturer=BOEING"))[1:]} == {"BOEING"}
    _, *orders = csv_rows(lee.get("/reports/orders.csv"))
    assert [order[:3] for order in orders] == [[TAIL, "1", "Replace the tyre"]]


def csv_rows(response: httpx.Response) -> list[list[str]]:
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "content-length" not in response.headers
    return list(csv.reader(io.StringIO(response.text, newline="")))


def use_the_api(visitor: Visitor, token: str, lead_token: str) -> None:
    """The API looks at tokens only, never at the session."""
    mechanic = {"Authorization": f"Bearer {token}"}
    lead = {"Authorization": f"Bearer {lead_token}"}

    def call(method: str, path: str, expected: int = 200, **options: Any) -> Any:
        response = visitor.ask(method, f"/api/v1{path}", expected, **options)
        assert response.headers["cache-control"] == "no-store"
        return response.json() if response.content else None

    assert visitor.get("/api/v1/stats").json()["aircraft"] == 3323
    assert visitor.get("/api/v1/aircraft?per_page=3").json()["pages"] == 1108
    assert visitor.get("/api/v1/airports").json()["total"] == 339
    assert len(visitor.get("/api/v1/airports/lga").json()["nearby"]) == 5
    assert visitor.get("/api/v1/me", headers=lead).json()["username"] == "maria"
    call("GET", "/me", 401)
    assert visitor.get(f"/api/v1/aircraft/{TAIL}").json()["base"] is None
    assert call("PATCH", f"/aircraft/{TAIL}", json={"base": "jfk"}, headers=mechanic)["base"] == "JFK"
    assert call("PATCH", f"/aircraft/{TAIL}", 422, json={"seats": 1}, headers=mechanic)["error"]["code"] == 422

    order = {"tail_number": "n103us", "title": "Öl prüfen", "category": "engine"}
    call("POST", "/orders", 401, json=order)
    call("POST", "/orders", 415, data=order, headers=mechanic)
    call("POST", "/orders", 400, content=b"{", headers=mechanic | {"Content-Type": "application/json"})
    call("POST", "/orders", 400, json=[], headers=mechanic)
    wrong = call("POST", "/orders", 422, json=order | {"category": "tea"}, headers=mechanic)
    assert list(wrong["error"]["fields"]) == ["category"]
    created = call("POST", "/orders", 201, json=order, headers=mechanic)
    item = f"/orders/{created['id']}"
    assert visitor.get(f"/api/v1{item}").json() == created | {"notes": []}
    assert created["title"] == "Öl prüfen"
    assert visitor.get("/api/v1/orders?status=open").json()["total"] == 2
    assert call("PATCH", item, json={"status": "closed"}, headers=mechanic)["closed_by_name"] == "Lee Mechanic"
    call("PATCH", item, 409, json={"status": "closed"}, headers=mechanic)
    call("DELETE", item, 403, headers=mechanic)
    call("DELETE", item, 204, headers=lead)
    call("GET", item, 404)


def go_wrong(lee: Visitor) -> None:
    assert "Not here" in lee.get("/nowhere", 404).text
    assert "There is no aircraft N99999" in lee.get("/aircraft/N99999", 404).text
    assert lee.get("/api/v1/nothing", 404).json()["error"]["name"] == "Not Found"
    not_allowed = lee.ask("DELETE", "/about", 405)
    assert set(re.split(", *", not_allowed.headers["allow"])) == {"GET", "HEAD", "OPTIONS"}
    assert lee.ask("PUT", "/api/v1/orders", 405).json()["error"]["code"] == 405
    assert lee.get("/aircraft?since=2010", 308).headers["location"].endswith("/aircraft/?since=2010")
    assert "Only a lead mechanic may do this." in lee.get("/audit/", 403).text
    lee.get(DOCUMENTS)
    large = {"file": ("large.txt", b"x" * 2_500_000)}
    assert "at most 2.1 MB" in lee.post(DOCUMENTS, {"title": "Large"}, files=large, expected=413).text
    assert "The CSRF token is missing." in lee.ask("POST", "/auth/login", 400, data={"username": "lee"}).text
    lee.csrf_token = "forged"
    assert "The form has expired" in lee.post(f"{PLANE}/watch", expected=400).text


def leave(lee: Visitor) -> None:
    lee.get("/")
    lee.post("/auth/logout")
    assert "You are logged out." in lee.get("/").text
    assert lee.get("/auth/profile", 302).headers["location"] == "/auth/login?next=/auth/profile"


def ask_for_options(visitor: Visitor, paths: set[str]) -> None:
    for path in sorted(paths):
        response = visitor.client.options(path)
        visitor.requests.append(("OPTIONS", path))
        if response.status_code == 200:
            assert "OPTIONS" in response.headers["allow"]
        else:
            assert response.status_code in (308, 404), f"OPTIONS {path}: {response.status_code}"


def test_server(site: Site) -> None:
    assert httpx.get(site.url).headers["server"].startswith("uvicorn" if site.step else "Werkzeug")


def test_converted_views(site: Site) -> None:
    endpoints = run(*PYTHON, "-c", ASYNC_VIEWS, cwd=site.folder).split()
    if site.step < 2:
        assert endpoints == []
        return
    assert len(endpoints) >= 8
    assert len({endpoint.rpartition(".")[0] for endpoint in endpoints}) >= 5


def test_briefing_waits(site: Site) -> None:
    """Three services that take 0.25 seconds each: one after the other, or, in an async view, at the same time."""
    elapsed: list[float] = []
    with httpx.Client(base_url=site.url) as client:
        # One after the other takes 0.75 seconds, always; at the same time may take as long where the machine is busy.
        while len(elapsed) < 3 or (site.step >= 2 and min(elapsed) >= 0.6 and len(elapsed) < 30):
            started = time.perf_counter()
            assert client.get("/reports/briefing").status_code == 200
            elapsed.append(time.perf_counter() - started)
    if site.step < 2:
        assert min(elapsed) >= 0.75
    else:
        assert 0.25 <= min(elapsed) < 0.6


def test_the_old_tool(site: Site) -> None:
    """It works below its prefix as it does alone: pages, forms, redirects, its cookie, a stream."""
    with httpx.Client(base_url=site.url, timeout=60) as visitor:
        tools = visitor.get("/toolcrib/")
        if site.step < 3:
            assert tools.status_code == 404
            assert "toolcrib" not in visitor.get("/").text
            return
        assert 'href="/toolcrib/">Tools</a>' in visitor.get("/").text
        assert tools.text.count('action="/toolcrib/checkout"') == 9
        assert visitor.head("/toolcrib/").content == b""
        taken = visitor.post("/toolcrib/checkout", data={"tool": "Rivet gun", "holder": "Zoë <Z>"})
        assert (taken.status_code, taken.headers["location"]) == (303, "/toolcrib/")
        assert "Path=/toolcrib/" in taken.headers["set-cookie"]
        page = visitor.get("/toolcrib/").text
        assert "<td>Rivet gun</td><td>Zoë &lt;Z&gt;</td>" in page
        assert 'value="Zoë &lt;Z&gt;"' in page
        assert visitor.post("/toolcrib/checkout", data={"tool": "Rivet gun", "holder": "Al"}).status_code == 409
        chunks = iter([b"tool=Rivet", b"+gun"])
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert visitor.post("/toolcrib/return", content=chunks, headers=form).status_code == 303
        assert [line.split("\t")[1:] for line in visitor.get("/toolcrib/history").text.splitlines()[1:]] == [
            ["Rivet gun", "Zoë <Z>", "out"],
            ["Rivet gun", "", "back"],
        ]
        assert visitor.get("/toolcrib/nothing").status_code == 404
        assert visitor.get("/toolcribs").status_code == 404
        assert visitor.post("/toolcrib/checkout", content=b"x" * 5000).status_code == 413
        assert "Not here" in visitor.get("/toolcribs").text


# The demo of the README.


def test_demo(tmp_path: Path) -> None:
    """From a clean copy of the project; the second time with the data of the first, at another step."""
    for folder in ("scripts", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("instance", "__pycache__"))
    with demo(tmp_path, 3, "new") as maria:
        assert maria.get("/healthz").headers["server"] == "uvicorn"
        assert "Borescope" in maria.get("/toolcrib/").text
        maria.get("/aircraft/new")
        maria.post("/aircraft/new", CESSNA | {"tail_number": "n4711c"})
    with demo(tmp_path, 0, "kept from an earlier run") as maria:
        assert maria.get("/healthz").headers["server"].startswith("Werkzeug")
        maria.get("/aircraft/N4711C")


@contextlib.contextmanager
def demo(project: Path, step: int, data: str) -> Iterator[Visitor]:
    """The demo at a step; gives a visitor who has logged in with what it printed."""
    port = free_port()
    command = (sys.executable, project / "scripts" / "demo", "--no-install", "--step", str(step), "--port", str(port))
    running = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_for(lambda: is_listening(port) or running.poll() is not None)
        visitor = Visitor(f"http://127.0.0.1:{port}")
        visitor.get("/auth/login")
        visitor.post("/auth/login", {"username": "demo", "password": "hangar-demo"})
        yield visitor
        visitor.close()
    finally:
        running.terminate()
        output, _ = running.communicate(timeout=15)
    assert f"in var/demo/instance, {data}\n" in output
    assert f"Address     http://127.0.0.1:{port}\n" in output
    assert "Log in as   demo, password hangar-demo" in output
