"""The legacy example on its way from plain Flask to half async, by the commands alone: migration_guide/transcript.md.

The commands of the page are run here, and what they print has to be what the page shows. To write the page anew:
``WRITE_TRANSCRIPT=1 pytest tests/test_transcript.py``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from .legacy import ROOT, copy_example, environment
from .programs import running
from .servers import free_port

PAGE = ROOT / "migration_guide" / "transcript.md"
PORT = 5000

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
            timeout=300,
        )
        assert done.returncode == expected, f"{command} ended with {done.returncode}:\n{done.stdout}"
        self.show(command, done.stdout)
        return done.stdout

    def show(self, command: str, output: str) -> None:
        self.parts.append(f"```text\n$ {command}\n{_without_chance(output, self.folder)}\n```".replace("\n\n```", "\n```"))

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
    (r"header x-request-id of .*", "…"),  # parity: how often a random name was the same by chance
)


def _without_chance(output: str, folder: Path) -> str:
    """What was printed, without paths, times, ports and progress."""
    text = output.replace(str(folder), "/srv/hangar").rstrip()
    lines = [line for line in text.splitlines() if not re.fullmatch(r"[.]*( *\[ *\d+%\])?|bringing up nodes.*", line) or not line]
    text = "\n".join(lines)
    for pattern, instead in _CHANCE:
        text = re.sub(pattern, instead, text)
    return text


def _in_order_of_names(report: str) -> str:
    """A report whose views, after the first, are in the order of their names: their times are too close to each other."""
    head, first, *others = report.split("\n\n")
    views = [block for block in others if re.match(r" *\d+\. ", block)]
    rest = others[len(views) :]
    views.sort(key=lambda block: block.partition(". ")[2])
    numbered = [f"{number:3}. {block.partition('. ')[2]}" for number, block in enumerate(views, 2)]
    return "\n\n".join([head, first, *numbered, *rest])


def _serve_and_report(transcript: Transcript) -> list[str]:
    """Serve the application, visit it, and report. Gives the views that the report names, with waiting in them."""
    port = free_port()
    command = ("-m", "aeros_compat", "run", "--watch", "--port", str(port), "wsgi:app")
    with running(*command, port=port, cwd=transcript.folder) as server:
        transcript.say("```text\n$ aeros-compat run --watch wsgi:app &\n```")
        transcript.say(
            "Somebody uses it for a while: the shift briefing is asked for twelve times, and sixteen other pages twice"
            " each."
        )
        with ThreadPoolExecutor(4) as visitors:
            list(visitors.map(server.get, [path for path, times in VISITS.items() for _ in range(times)]))
        source = f"{server.url}/_aeros/lanes.json"
        arguments = ("--app", "wsgi:app", source)
        told, as_json = (_report(transcript.folder, *option, *arguments) for option in ((), ("--json",)))
    text = _in_order_of_names(_without_chance(told, transcript.folder)).replace(f":{port}/", f":{PORT}/")
    transcript.show(f"aeros-compat report --app wsgi:app http://127.0.0.1:{PORT}/_aeros/lanes.json", text)
    codes = [candidate["code"] for candidate in json.loads(as_json)["candidates"]]
    return list(dict.fromkeys(code["view"] for code in codes if code and code["waits"]))


def _report(folder: Path, *arguments: str) -> str:
    command = (sys.executable, "-m", "aeros_compat", "report", *arguments)
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=True).stdout


def _async_routes(diagnosis: str) -> int:
    return len(re.findall(r"^  [A-Z ]+/\S* .*  async  ", diagnosis, re.MULTILINE))


def test_from_flask_to_half_async(tmp_path: Path) -> None:
    transcript = Transcript(copy_example(tmp_path / "hangar", 0))
    say, run = transcript.say, transcript.run
    say("# From plain Flask to half async, by the commands alone")
