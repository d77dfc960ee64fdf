"""A program that asks itself, and what it prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..programs import ended
from ..servers import free_port

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

MODULE = """
import contextlib, logging, logging.config, socket, sys, threading, time, urllib.error, urllib.request
from aeros_compat import WebServer

app = WebServer(__name__)
BEFORE

@app.get("/")
def index():
    app.logger.warning("from the view", extra={"order": 7})
    logging.getLogger("some.library").warning("from a library")
    return "hello"

@app.get("/fail")
async def fail():
    raise ValueError("out")

def is_listening():
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT)):
        return True

def ask():
    try:
        while not is_listening():  # which begins after this start-up function
            time.sleep(0.05)
        for path in ("/?q=1", "/fail"):
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(f"http://127.0.0.1:PORT{path}").close()
    finally:
        app.stop()

@app.before_serving
def start():
    AFTER
    threading.Thread(target=ask).start()

if __name__ == "__main__":
    app.run(port=PORT, OPTIONS)
    END
"""


def write(folder: Path, options: str = "", *, before: str = "", after: str = "pass", end: str = "") -> int:
    """Make ``app.py``; gives its port."""
    port = free_port()
    text = MODULE.replace("PORT", str(port)).replace("OPTIONS", options)
    text = text.replace("BEFORE", before).replace("AFTER", after).replace("END", end)
    (folder / "app.py").write_text(text)
    return port


def run(folder: Path, options: str = "", **parts: str) -> subprocess.CompletedProcess[str]:
    """What the program prints, which has to end in order."""
    write(folder, options, **parts)
    done = ended("app.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    return done


def lines_with(text: str, word: str) -> list[str]:
    return [line for line in text.splitlines() if re.search(word, line)]
