"""``aeros-compat doctor`` as a program: real applications, exit codes, and that nothing of them is called."""

from __future__ import annotations

import json
import re
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from aeros_compat.command import main
from aeros_compat.doctor.extensions import known_projects

from ..conformance import table
from ..legacy import copy_example
from ..programs import ended
from ..test_tutorial import sdist_of_flask

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

#: Every function that the doctor might be tempted to call leaves a trace.
TRAPS = """
import flask
from werkzeug.local import LocalProxy
from werkzeug.routing import BaseConverter
from aeros_compat import WebServer

def trap(*args, **kwargs):
    raise AssertionError("called")

class Converter(BaseConverter):
    to_python = to_url = trap

class Trapped:
    __getattr__ = __call__ = __eq__ = __bool__ = __len__ = trap
    __hash__ = None
    value = property(trap)

trapped = Trapped()
proxy = LocalProxy(trap)

app = WebServer(__name__)
app.url_map.converters["trapped"] = Converter
for register in (app.before_request, app.after_request, app.teardown_request, app.before_serving):
    register(trap)

@app.get("/<trapped:name>")
async def view(name):
    proxy.attribute.more()
    trapped.value.more(trapped())
    return proxy() and trapped[0] + len(trapped)

@app.errorhandler(404)
async def missing(error):
    trapped == proxy
    return trap()

app.run()  # nobody has guarded it
"""

PLAIN = """
import time
import flask

def create_app(name="made"):
    app = flask.Flask(__name__)

    @app.get("/")
    async def view():
        time.sleep(1)

    return app

class Own(flask.Flask):
    def __call__(self, environ, start_response):
        return super().__call__(environ, start_response)

own = Own(__name__)
number = 1 / 1
"""

PATCHED = "import gevent.monkey\ngevent.monkey.patch_all()\nimport flask\napp = flask.Flask(__name__)\n"


def doctor(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return ended("-m", "aeros_compat", "doctor", *arguments, cwd=cwd, timeout=240)


def diagnosis(*arguments: str, cwd: Path) -> dict[str, Any]:
    done = doctor("--json", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"traps": TRAPS, "plain": PLAIN, "patched": PATCHED, "broken": "1 / 0"}.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def test_nothing_is_called(folder: Path) -> None:
    found = diagnosis("traps:app", cwd=folder)
    assert [finding for finding in found["findings"] if finding["severity"] == "error"] == []
    assert {"/<trapped:name>", "/static/<path:filename>"} == {route["rule"] for route in found["routes"]}


@pytest.mark.parametrize("target", ["plain", "plain.py:create_app('x')"])
def test_a_plain_application(folder: Path, target: str) -> None:
    (folder / "plain.py").write_text(PLAIN.replace("own = Own(__name__)", ""))
    found = diagnosis(target, cwd=folder)
    assert found["kind"] == "flask.Flask"
    (error,) = [finding for finding in found["findings"] if finding["severity"] == "error"]
    assert (error["rule"], error["place"]) == ("blocking-sleep", {"file": "plain.py", "line": 10})


def test_exit_codes(folder: Path) -> None:
    failing = doctor("--fail-on", "error", "plain:create_app", cwd=folder)
    assert failing.returncode == 3
    assert re.search(r"error blocking-sleep  plain.py:10: time.sleep sleeps on the event loop", failing.stdout)
    assert "1 error, 0 warnings" in failing.stdout
    assert "\x1b" not in failing.stdout  # no terminal
    assert doctor("--fail-on", "warning", "traps:app", cwd=folder).returncode == 0
    assert CliRunner().invoke(main, ["doctor", "--fail-on", "nothing", "traps:app"]).exit_code == 2


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("nowhere:app", "There is no module 'nowhere'"),
        ("plain:number", "plain"),
        ("plain:own", "overrides __call__"),
        ("broken:app", "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_loaded(folder: Path, target: str, says: str) -> None:
    done = doctor(target, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "aeros_compat" not in done.stderr.replace("aeros-compat", "")


def test_an_application_that_patches_threads(folder: Path) -> None:
    done = ended("-W", "ignore", "-m", "aeros_compat", "doctor", "--json", "patched:app", cwd=folder)
    assert "patched-threads" in {finding["rule"] for finding in json.loads(done.stdout)["findings"]}


def test_the_legacy_example_half_way(tmp_path: Path) -> None:
    folder = copy_example(tmp_path / "example", 2)
    found = diagnosis("wsgi:app", cwd=folder)
    routes = {(route["rule"], *route["methods"]): route for route in found["routes"]}
    assert routes["/healthz", "GET"]["lane"] == "async"
    assert routes["/about", "GET"]["lane"] == "sync"
    edit = routes["/aircraft/<tail:tail>/edit", "POST"]
    assert (edit["lane"], edit["decorators"][0]["name"]) == ("async on a thread", "hangar.auth.login_required")
    assert edit["decorators"][0]["place"]["file"] == "hangar/auth.py"
    rules = {finding["rule"] for finding in found["findings"]}
    assert {"sync-decorator", "hop", "config"} <= rules
    assert not {rule for rule in rules if rule.startswith("blocking")}  # its README says so
    assert "Flask-WTF" in {extension["name"] for extension in found["extensions"]}


def test_the_legacy_example_with_a_view_that_was_made_async_and_nothing_else(tmp_path: Path) -> None:
    folder = copy_example(tmp_path / "example", 1)
    reports = folder / "hangar" / "reports.py"
    reports.write_text(reports.read_text().replace("def briefing()", "async def briefing()"))
    found = diagnosis("wsgi:app", cwd=folder)
    errors = [finding for finding in found["findings"] if finding["severity"] == "error"]
    assert {finding["rule"] for finding in errors} == {"blocking-database", "blocking-sleep"}
    ways = {way for finding in errors for way in finding["concerns"]}
    assert "reports.briefing > find_airport > fetch_one > get_db > connect" in ways
    assert {f"reports.briefing > {name}" for name in ("weather", "exchange_rate", "parts_lead_time")} <= ways


def test_the_tutorial_of_flask(tmp_path: Path) -> None:
    sdist = sdist_of_flask()
    with tarfile.open(sdist) as tar:
        tar.extractall(tmp_path, filter="data")
    home = tmp_path / sdist.name.removesuffix(".tar.gz") / "examples" / "tutorial"
    found = diagnosis("flaskr", cwd=home)
    assert found["kind"] == "flask.Flask"
    assert {route["lane"] for route in found["routes"]} == {"sync"}
    assert [finding for finding in found["findings"] if finding["severity"] != "info"] == []


def test_what_is_known_of_extensions_is_what_the_guide_says() -> None:
    assert table.TESTED.read_text() == table.tested()
    assert known_projects()["flask-login"] == {
        "version": "0.6.3",
        "lanes": ["sync", "async", "async-hooks"],
        "newly_failing": 0,
    }


def test_the_guide_names_every_rule() -> None:
    package = table.TESTED.parent
    text = "".join(path.read_text() for path in package.rglob("*.py"))
    rules = set(re.findall(r'(?:Finding|Kind)\(\s*"([a-z-]+)"', text))
    page = (table.FILE.parent / "doctor.md").read_text()
    assert rules == set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE))


def test_help_names_the_commands_without_importing_them_for_run(tmp_path: Path) -> None:
    listed = ended("-m", "aeros_compat", "--help", cwd=tmp_path).stdout
    assert re.findall(r"^  (\w+)  ", listed, re.MULTILINE) == ["asyncify", "doctor", "parity", "report", "run", "swap"]
    code = (
        "import sys; from aeros_compat.command import main; main(['run', '--help'], standalone_mode=False);"
        " print([name for name in sys.modules if 'doctor' in name or 'compat.report' in name])"
    )
    assert ended("-c", code, cwd=tmp_path).stdout.splitlines()[-1] == "[]"
    for command in ("doctor", "report"):
        assert "Examples:" in CliRunner().invoke(main, [command, "--help"]).output
