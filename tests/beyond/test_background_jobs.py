"""The examples of background jobs, with a real Redis and real workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from ..programs import environment, running
from ..redis_server import redis_server
from ..servers import free_port, stop, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "background_jobs"
ARQ = "arq==0.28.0"


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as server:
        yield server.url


@pytest.fixture
def arq() -> Path:
    """A folder with arq and the redis-py that it needs, an older one than that of the other tests."""
    folder = ROOT / "var" / ARQ
    if not (folder / "arq").is_dir():
        install = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run((*install, "--target", folder, ARQ), check=True, timeout=300)
    return folder


def paid_by_a_job(url: str, path: str) -> float:
    """Hand in a job, and wait for its result."""
    answer = httpx.post(url + path, timeout=20)
    assert answer.status_code == 202
    job = f"{url}/jobs/{answer.json()['job']}"
    wait_for(lambda: httpx.get(job, timeout=20).raise_for_status().json()["result"] is not None)
    return float(httpx.get(job, timeout=20).json()["result"])


def check(module: str, worker: tuple[str, ...], folder: Path, redis_url: str, *paths: Path) -> None:
    variables = {"REDIS_URL": redis_url, "PYTHONPATH": ":".join(map(str, (*paths, EXAMPLES, ROOT)))}
    port = free_port()
    with (folder / "worker.log").open("w") as log:
        command = (sys.executable, "-m", *worker)
        working = subprocess.Popen(command, cwd=folder, env=environment(**variables), stdout=log, stderr=log)
    try:
        command = ("-m", "aeros_compat", "run", f"{module}:app", "--port", str(port))
        with running(*command, port=port, cwd=folder, **variables) as server:
            assert paid_by_a_job(server.url, "/sync/100") == 125
            assert paid_by_a_job(server.url, "/async/200") == 250
    except BaseException as error:
        error.add_note(f"The worker's log:\n{(folder / 'worker.log').read_text()[-5000:]}")
        raise
    finally:
        stop(working)


def test_celery(tmp_path: Path, redis_url: str) -> None:
    worker = (
        "celery",
        "-A",
        "with_celery:celery",
        "worker",
        "--concurrency",
        "1",
        "--without-mingle",
        "--without-gossip",
    )
    check("with_celery", worker, tmp_path, redis_url)


def test_rq(tmp_path: Path, redis_url: str) -> None:
    check("with_rq", ("rq.cli", "worker", "--url", redis_url), tmp_path, redis_url)


def test_arq(tmp_path: Path, redis_url: str, arq: Path) -> None:
    check("with_arq", ("arq", "with_arq.Worker"), tmp_path, redis_url, arq)
