"""The files of ``deploy/``: well formed, with commands that the command line takes."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from aeros_compat import WebServer
from aeros_compat.command import run_command

from .programs import ended, running
from .servers import free_port, served, wait_for

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


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_kubernetes_knows_what_is_said(version: str) -> None:
    """By its own schemas, which here refuse names that they do not have."""
    for document in documents():
        kubernetes_validate.validate(document, version, strict=True)
    document = documents()[0]
    document["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(document, version, strict=True)


def test_dockerfile() -> None:
    """By hadolint: there is no building of it without Docker's daemon."""
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run((hadolint, DEPLOY / "Dockerfile"), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_container_runs(tmp_path: Path) -> None:
    """What its image would start, without the image: the command, the health check, and the signal that ends it."""
    (tmp_path / "wsgi.py").write_text(
        "from aeros_compat import WebServer\n\napp = WebServer(__name__)\n\n\n"
        "@app.get('/healthz')\nasync def healthz():\n    return 'ok'\n"
    )
    port = free_port()
    script = (DEPLOY / "Dockerfile").read_text().replace("8000", str(port)).replace("0.0.0.0", "127.0.0.1")
    command, check = (
        json.loads(words)
        for words in (script.rpartition("\nCMD ")[2], script.partition(" CMD \\\n")[2].splitlines()[0])
    )
    assert (command[0], check[0]) == ("aeros-compat", "python")
    nobodys: dict[str, Any] = {"HOME": "/nonexistent", "PYTHONUNBUFFERED": "1"}
    with running("-m", "aeros_compat", *command[1:], port=port, cwd=tmp_path, **nobodys) as server:
        healthy = ended(*check[1:], cwd=tmp_path, **nobodys)
        assert (healthy.returncode, healthy.stderr) == (0, "")
        assert server.end() == 0, server.log
    assert ended(*check[1:], cwd=tmp_path, **nobodys).returncode == 1


def test_the_autoscaler_gets_what_it_asks_for() -> None:
    """From the application's metrics by the adapter's rule: busy threads are saturation 1, and can still be read."""
    (rule,) = yaml.safe_load((DEPLOY / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    deployment, _, autoscaler, _ = documents()
    asked = [metric["pods"]["metric"]["name"] for metric in autoscaler["spec"]["metrics"] if metric["type"] == "Pods"]
    assert asked == [rule["name"]["as"]]
    assert "replicas" not in deployment["spec"]
    path = deployment["spec"]["template"]["metadata"]["annotations"]["prometheus.io/path"]
    app = WebServer("application", worker_threads=2, watch=path.removesuffix(".prom"))
    entered, enough = threading.Barrier(3), threading.Event()

    @app.get("/busy")
    def busy() -> str:
        entered.wait(20)
        enough.wait(20)
        return "done"

    with served(app) as url, ThreadPoolExecutor(2) as clients:
        asking = [clients.submit(httpx.get, f"{url}/busy", timeout=30) for _ in range(2)]
        entered.wait(20)
        before = metrics(url + path)
        wait_for(lambda: metrics(url + path)["aeros_worker_busy_seconds_total"] > 1)
        enough.set()
        assert {answer.result().text for answer in asking} == {"done"}
    assert before["aeros_worker_threads"] == before["aeros_worker_threads_busy"] == 2
    for name in re.findall(r"aeros_worker\w+", rule["seriesQuery"] + rule["metricsQuery"]):
        assert name in before


def metrics(url: str) -> dict[str, float]:
    families = text_string_to_metric_families(httpx.get(url, timeout=20).raise_for_status().text)
    return {sample.name: sample.value for family in families for sample in family.samples}


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
