"""The quick start of the README, line by line, in an empty environment."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from ..programs import environment
from ..servers import free_port, is_listening, wait_for

ROOT = Path(__file__).parents[2]


def section() -> str:
    return (ROOT / "README.md").read_text().partition("\n## Quick start\n")[2].partition("\n## ")[0]


def test_quick_start(tmp_path: Path) -> None:
    """With the wheel in place of the checkout: nothing that only a checkout has may be needed."""
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT)
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    (code,) = re.findall(r"```python\n(.*?)```", section(), flags=re.DOTALL)
    (tmp_path / "hello.py").write_text(code)
    make, install, run, ask = re.findall(r"^\$ (.*)$", section(), flags=re.MULTILINE)
    port = free_port()
    variables = environment(
        FLASK_RUN_PORT=str(port), PATH=f"{Path(sys.executable).resolve().parent}:{os.environ['PATH']}"
    )

    def line(text: str) -> subprocess.CompletedProcess[str]:
        command = ("bash", "-c", text)
        return subprocess.run(
            command, cwd=tmp_path, env=variables, check=True, capture_output=True, text=True, timeout=300
        )

    line(make)
    line(install.replace(" .", f" {wheel}"))
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(run.split(), cwd=tmp_path, env=variables, stdout=log, stderr=log)
    try:
        wait_for(lambda: is_listening(port) or server.poll() is not None)
        assert line(ask.replace("5000", str(port))).stdout == "Hello from a worker thread"
        assert httpx.get(f"http://127.0.0.1:{port}/async").text == "Hello from the event loop"
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0, (tmp_path / "server.log").read_text()
