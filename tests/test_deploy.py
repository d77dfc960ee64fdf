"""The files of ``deploy/``: well formed, with commands that the command line takes."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from aeros_compat import WebServer
from aeros_compat.command import run_command

from .servers import served, wait_for

DEPLOY = Path(__file__).parent.parent / "deploy"


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))


def unit() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read(DEPLOY / "aeros.service")
    return parser


def commands() -> dict[str, list[str]]:
    (of_docker,) = re.findall(r"^CMD (.*)$", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    return {
        "aeros.service": unit()["Service"]["execstart"].split(),
        "Dockerfile": json.loads(of_docker),
        "kubernetes.yaml": documents()[0]["spec"]["template"]["spec"]["containers"][0]["args"],
    }


@pytest.mark.parametrize("name", commands())
def test_commands(name: str) -> None:
    program, subcommand, *arguments = commands()[name]
    assert (Path(program).name, subcommand) == ("aeros-compat", "run")
    given = run_command.make_context("run", arguments).params
    assert (given["target"], given["port"], given["threads"]) == ("wsgi:app", "8000", 8)


def test_unit(tmp_path: Path) -> None:
    """As systemd reads it, where it is installed; the programs that it names are not on this machine."""
    assert unit()["Service"]["killmode"] == "mixed"
    if shutil.which("systemd-analyze"):
        file = tmp_path / "aeros.service"
        file.write_text((DEPLOY / "aeros.service").read_text().replace("/srv/app/.venv/bin/aeros-compat", "/bin/true"))
        done = subprocess.run(("systemd-analyze", "verify", file), capture_output=True, text=True, timeout=60)
        assert "aeros.service" not in done.stderr, done.stderr


def test_times_add_up() -> None:
    """Nothing is killed while it still has time to end."""
    graceful = 30
    pod = documents()[0]["spec"]["template"]["spec"]
    (sleep,) = re.findall(r"\d+", str(pod["containers"][0]["lifecycle"]["preStop"]))
    assert pod["terminationGracePeriodSeconds"] > graceful + int(sleep)
    assert int(unit()["Service"]["timeoutstopsec"]) > graceful


def test_probes_ask_what_needs_no_worker_thread() -> None:
    """The view of the comment answers while the only worker thread is taken."""
    container = documents()[0]["spec"]["template"]["spec"]["containers"][0]
    paths = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"/healthz"}
    code = re.findall(r"^#     (.*)$", (DEPLOY / "kubernetes.yaml").read_text(), flags=re.MULTILINE)
    app = WebServer("application", worker_threads=1)
    entered, enough = threading.Event(), threading.Event()

    @app.get("/busy")
    def busy() -> str:
        entered.set()
        enough.wait(20)
        return "done"

    exec("\n".join(code), {"app": app})
    with served(app) as url:
        client = threading.Thread(target=lambda: httpx.get(f"{url}/busy", timeout=30))
        client.start()
        try:
            wait_for(entered.is_set)
            assert httpx.get(f"{url}/healthz", timeout=5).text == "ok"
        finally:
            enough.set()
            client.join()
