"""The legacy example on its way from plain Flask to half async, by the commands alone: migration_guide/transcript.md.

The commands of the page are run here, and what they print has to be what the page shows. To write the page anew:
``WRITE_TRANSCRIPT=1 pytest tests/test_transcript.py``.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .legacy import ROOT, copy_example, environment, run
from .programs import PYTHON, running
from .servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "migration_guide" / "transcript.md"

#: The pages that are asked for while the server is watched, and how often each.
VISITS = {
    "/reports/briefing": 12,
    **dict.fromkeys(
        [
            *("/", "/search?q=boeing", "/about", "/reports/fleet", "/board/", "/airports/", "/airports/BOS"),
            *("/aircraft/", "/aircraft/N102UW", "/aircraft/N102UW/orders/", "/reports/aircraft.csv"),
            *("/api/v1/stats", "/api/v1/orders", "/api/v1/airports", "/api/v1/aircraft", "/api/v1/aircraft/N102UW"),
        ],
        2,
    ),
}

TOOLS = {"aeros-compat": "aeros_compat", "pytest": "pytest", "flask": "flask"}


INTRODUCTION = """\
# From plain Flask to half async, by the commands alone

This page is written by a test (`tests/test_transcript.py`), which runs each of these commands in a copy of
[the legacy example](../examples/flask_legacy), and fails if one of them prints anything else. No file is edited by
hand. Times, shares, ports and paths are left out, because they differ from run to run; for the same reason the views of
the report stand in the order of their names, after the first."""

CONCLUSION = """\
The views that only ask the database gain nothing by that: they go to their thread for each query, in place of once.
What it shows is that they can be converted, one by one or all at once, and that nothing breaks. What is gained is the
briefing, which held a thread for most of a second, and holds one for the third service alone."""


COMPARED = """\
Tests check what somebody has thought of. So requests are made from the URL map, sent to plain Flask and to WebServer,
and all that is answered is compared, with the rows of the database."""

PARITY = "aeros-compat parity --lane sync --sqlite instance/hangar.sqlite wsgi:app"

VISITED = """\
Somebody uses it for a while: the shift briefing is asked for twelve times, and sixteen other pages twice each. All that
time the server counts, for this machine to see, for how long each view holds a thread."""

ONE_IS_LEFT = """\
Two of its three services are asked with `await asyncio.sleep()` now. The third one is called by the tests too, which
are sync: so it stays as it is, and is asked on the thread."""


class Transcript:
    """A page that is written while its commands run in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: list[str] = []

    def say(self, text: str) -> None:
        self.parts.append(text)

    def run(self, command: str, *, expected: int = 0) -> str:
        """Run a command, and show it with what it prints, which is returned as it is."""
        tool, *arguments = shlex.split(command)
        done = subprocess.run(
            (sys.executable, "-m", TOOLS[tool], *arguments),
            cwd=self.folder,
            env=environment(PYTHONDONTWRITEBYTECODE="1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == expected, f"{command} ended with {done.returncode}:\n{done.stdout}"
        self.show(command, done.stdout)
        return done.stdout

    def show(self, command: str, output: str) -> None:
        self.parts.append(
            "\n".join(["```text", f"$ {command}", *_without_chance(output, self.folder).splitlines(), "```"])
        )

    @property
    def page(self) -> str:
        return "\n\n".join(self.parts) + "\n"


#: What differs from run to run, or from machine to machine.
_CHANCE = (
    (r"\d+(?:\.\d+)?s(?: \(\d+:\d+:\d+\))?(?=\n|$)", "…s"),  # pytest
    (r"\b[\d,]+(?:\.\d+)? (?:ms|s)\b", "… ms"),
    (r"\b\d+ %", "… %"),
    (r"█+", "█"),
    (r"\b\d+ worker threads", "… worker threads"),
    (r"(Flask-WTF) [\d.]+", r"\1 …"),
    (r"Flask once more: .*\n", ""),  # parity, if something of Flask's own was the same twice and not the third time
    (r"(was compared around what varies: ).*", r"\1…"),  # parity: random names, and times, the same by chance
)


_PROGRESS = re.compile(r"\.* *\[ *\d+%\]|bringing up nodes\.\.\.")


def _without_chance(output: str, folder: Path) -> str:
    """What was printed, without paths, times, ports and progress."""
    text = output.replace(str(folder), "/srv/hangar").rstrip()
    lines = [line for line in text.splitlines() if not line or not _PROGRESS.fullmatch(line)]
    text = "\n".join(lines).strip("\n")
    for pattern, instead in _CHANCE:
        text = re.sub(pattern, instead, text)
    return text


_NUMBERED = re.compile(r" *\d+\. ")
#: A view that waits: its name, and what was found in it.
_WAITING = re.compile(r"\]  (\S+::\S+)\n.*\n.*\n     (?:database|sleep): ")


def _in_order_of_names(report: str) -> str:
    """A report whose views, after the first, stand in the order of their names: their times are too close together."""
    head, first, *others = report.split("\n\n")
    views = sorted(block.partition(". ")[2] for block in others if _NUMBERED.match(block))
    rest = [block.lstrip("\n") for block in others[len(views) :]]
    return "\n\n".join([head, first, *(f"{number:3}. {view}" for number, view in enumerate(views, 2)), *rest])


def _serve_and_report(transcript: Transcript) -> list[str]:
    """Serve the application, visit it, and report. Gives the views that the report names, with waiting in them."""
    port = free_port()
    options = "--watch --log-format json --access-log-file access.log wsgi:app"
    command = (*PYTHON, "-m", "aeros_compat")
    with running(
        "-m", "aeros_compat", "run", "--port", str(port), *options.split(), port=port, cwd=transcript.folder
    ) as server:
        transcript.show(f"aeros-compat run {options} &", "")
        transcript.say(VISITED)
        with ThreadPoolExecutor(4) as visitors:
            answers = visitors.map(server.get, [path for path, times in VISITS.items() for _ in range(times)])
            assert {answer.status_code for answer in answers} == {200}
        arguments = ("report", "--app", "wsgi:app", f"{server.url}/_aeros/lanes.json")
        told = run(*command, *arguments, cwd=transcript.folder)
    told = _in_order_of_names(_without_chance(told, transcript.folder))
    transcript.show(f"aeros-compat {shlex.join(arguments)}".replace(f":{port}/", ":5000/"), told)
    return list(dict.fromkeys(_WAITING.findall(told)))


def _async_routes(diagnosis: str) -> int:
    return len(re.findall(r"^  [A-Z ]+/\S* .*  async  ", diagnosis, re.MULTILINE))


def test_from_flask_to_half_async(tmp_path: Path) -> None:
    transcript = Transcript(copy_example(tmp_path / "hangar", 0))
    say, show = transcript.say, transcript.run
    say(INTRODUCTION)

    say("## What is there\n\nThe application is made ready as its README says, and looked at.")
    show("flask --app wsgi init-db")
    show("flask --app wsgi import-data")
    before = show("aeros-compat doctor wsgi:app")
    assert _async_routes(before) == 0

    say("## One line\n\nFrom here on every view runs on a worker thread, and the tests do not notice.")
    show("aeros-compat swap --write .")
    assert "251 passed" in show("pytest -q -n 2")
    say(COMPARED)
    show(PARITY)

    say("## What waits")
    views = _serve_and_report(transcript)
    first = "hangar/reports.py::briefing"
    assert views[0] == first
    assert len(views) > 10

    say("## The view that waits most\n\nThe command of the report, with `--write` in place of showing a diff:")
    show(f"aeros-compat asyncify --follow --write {first}")
    assert " passed" in show("pytest -q tests/test_reports.py")
    say(ONE_IS_LEFT)

    say("## The others that the report names")
    show(f"aeros-compat asyncify --follow --write {' '.join(sorted(views[1:]))}")
    assert "251 passed" in show("pytest -q -n 2")

    say(
        "This time the requests of the access log are compared, but for those of the briefing: its page says how long"
        " it took to put together, which is another number each time."
    )
    lines = (transcript.folder / "access.log").read_text().splitlines(keepends=True)
    (transcript.folder / "compared.log").write_text("".join(line for line in lines if "/reports/briefing" not in line))
    show(PARITY.replace("wsgi:app", "--log compared.log wsgi:app"))
    say("## What is there now")
    after = show("aeros-compat doctor wsgi:app")
    assert _async_routes(after) >= 10
    say(CONCLUSION)

    if os.environ.get("WRITE_TRANSCRIPT"):
        PAGE.write_text(transcript.page)
    shown, printed = PAGE.read_text().splitlines(), transcript.page.splitlines()
    assert not list(difflib.unified_diff(shown, printed, "shown", "printed", lineterm="", n=1))
