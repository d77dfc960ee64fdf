"""Several worker processes, from ``python app.py``: real ones, which are asked, killed, hung and restarted."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest

from ..programs import Program, ended, refused, running
from ..servers import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    Serve = Callable[[str], AbstractContextManager[Program]]

MODULE = """
import atexit, os, sys, time, threading
from aeros_compat import WebServer

print("imported", __name__, os.getpid(), flush=True)
TEXT = "first"
app = WebServer(__name__)

@app.get("/")
def index():
    return {"pid": os.getpid(), "debug": app.debug, "threads": app.worker_threads, "name": app.name, "text": TEXT,
            "logger": app.logger.name, "twice": "app" in sys.modules}

@app.get("/slow")
async def slow():
    import asyncio
    print("slow", flush=True)
    await asyncio.sleep(0.5)
    return "finished"

@app.get("/hang")
async def hang():
    time.sleep(60)

@app.get("/stop")
def stop():
    app.stop()
    return "stopping"

@app.after_serving
def after():
    print("after serving", os.getpid(), flush=True)

atexit.register(lambda: print("at exit", os.getpid(), flush=True))

if __name__ == "__main__":
    app.run(port=PORT, OPTIONS)
    print("run has returned", flush=True)
"""


def program(folder: Path, port: int, options: str) -> str:
    (folder / "app.py").write_text(MODULE.replace("PORT", str(port)).replace("OPTIONS", options))
    return "app.py"


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    def start(options: str) -> AbstractContextManager[Program]:
        port = free_port()
        return running(program(tmp_path, port, options), port=port, cwd=tmp_path)

    return start


def pids(server: Program, number: int) -> set[int]:
    """The workers that answer; asked until there are so many."""
    found: set[int] = set()
    end = time.monotonic() + 30
    while len(found) < number:
        assert time.monotonic() < end, f"only {found} answer"
        found.add(server.get_once().json()["pid"])
    return found


def test_settings_reach_the_workers(serve: Serve, tmp_path: Path) -> None:
    options = "workers=2, worker_threads=3, debug=True"
    with serve(options) as server:
        workers = pids(server, 2)
        assert server.process.pid not in workers
        answer = server.get().json()
        assert (answer["debug"], answer["threads"]) == (True, 3)
        # As in one process, where the module is called __main__; and it is not imported a second time as "app".
        assert (answer["name"], answer["logger"], answer["twice"]) == ("app", "app", False)
        assert server.end() == 0
    log = server.log
    assert f"Serving 'app' on {server.url}" in log
    assert "2 workers with 3 threads each" in log
    imported = Counter(line.split()[2] for line in log.splitlines() if line.startswith("imported"))
    assert imported == {str(pid): 1 for pid in {server.process.pid, *workers}}
    for pid in workers:
        assert log.index(f"after serving {pid}") < log.index(f"at exit {pid}")
    assert f"at exit {server.process.pid}" in log
    assert "run has returned" not in log
    assert "Traceback" not in log


def test_processes_is_flasks_name_for_workers(serve: Serve) -> None:
    with serve("processes=2, threaded=False") as server:
        pids(server, 2)
        assert server.get().json()["threads"] == 1


def test_a_hung_process_is_replaced(serve: Serve) -> None:
    with serve("workers=2, timeout_worker_healthcheck=6") as server:
        hung = min(pids(server, 2))
        os.kill(hung, signal.SIGSTOP)
        wait_for(lambda: f"Child process [{hung}] died" in server.log)
        assert hung not in pids(server, 2)


def test_a_blocked_event_loop_is_ended_and_named(serve: Serve) -> None:
    with serve("workers=2, timeout_worker_healthcheck=6") as server:
        pids(server, 2)
        with pytest.raises(httpx.TransportError):
            server.get("/hang")
        wait_for(lambda: "died" in server.log)
        assert "its event loop has been blocked for 6 seconds" in server.log
        assert "in hang\n      time.sleep(60)" in server.log
        pids(server, 2)
        assert server.end() == 0


def test_rolling_restart(serve: Serve, tmp_path: Path) -> None:
    """SIGHUP: new workers with the new code, one after the other, while requests are answered."""
    with serve("workers=2, access_log=False") as server:
        before = pids(server, 2)
        code = tmp_path / "app.py"
        code.write_text(code.read_text().replace('TEXT = "first"', 'TEXT = "second"'))
        for pid in before:  # a shell's ``kill -HUP %1`` goes to all of them
            os.kill(pid, signal.SIGHUP)
        server.send(signal.SIGHUP)
        end = time.monotonic() + 40
        while len([pid for pid in before if f"after serving {pid}" in server.log]) < 2:
            assert time.monotonic() < end, server.log
            assert server.get_once().status_code == 200
        assert before.isdisjoint(pids(server, 2))
        assert server.get().json()["text"] == "second"
        assert server.end() == 0


def test_workers_are_replaced_after_max_requests(serve: Serve) -> None:
    """Also a single one. New connections wait for the next worker."""
    with serve("max_requests=5, access_log=False") as server:
        seen = Counter(server.get_once().json()["pid"] for _ in range(40))
        assert len(seen) > 1
        assert sum(seen.values()) == 40
        assert server.end() == 0


def test_a_worker_stops_them_all(serve: Serve) -> None:
    with serve("workers=2") as server:
        assert server.get("/stop").text == "stopping"
        assert server.process.wait(20) == 0
        assert "run has returned" in server.log


def test_requests_in_flight_are_finished(serve: Serve) -> None:
    with serve("workers=2") as server:
        answers: list[str] = []
        client = threading.Thread(target=lambda: answers.append(server.get("/slow").text))
        client.start()
        wait_for(lambda: "slow\n" in server.log)
        assert server.end() == 0
        client.join()
        assert answers == ["finished"]


def test_workers_that_do_not_end_are_killed(serve: Serve) -> None:
    with serve("workers=2, timeout_graceful_shutdown=1") as server:
        stopped = min(pids(server, 2))
        os.kill(stopped, signal.SIGSTOP)
        server.send(signal.SIGTERM)
        assert server.process.wait(40) == 0


FACTORY = """
from flask import Flask
import os
def create_app(name="by the factory"):
    app = Flask("pkg")
    app.add_url_rule("/", view_func=lambda: {"pid": os.getpid(), "name": app.name})
    return app
"""


@pytest.mark.parametrize(
    "code",
    [
        # Made below the guard, by a factory that is found.
        "from pkg import create_app\nif __name__ == '__main__':\n    WebServer.from_flask(create_app()).run({})\n",
        "import pkg\ndef main():\n    WebServer.from_flask(pkg.create_app()).run({})\n"
        "if __name__ == '__main__':\n    main()\n",
        # An attribute of another module; nobody has guarded the call.
        "from pkg.wsgi import application\napplication.run({})\n",
    ],
)
def test_applications_that_are_found(tmp_path: Path, code: str) -> None:
    port = free_port()
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text(FACTORY)
    (tmp_path / "pkg" / "wsgi.py").write_text(
        "from aeros_compat import WebServer\nfrom . import create_app\n"
        "application = WebServer.from_flask(create_app())\n"
    )
    (tmp_path / "app.py").write_text("from aeros_compat import WebServer\n" + code.format(f"port={port}, workers=2"))
    with running("app.py", port=port, cwd=tmp_path) as server:
        pids(server, 2)
        assert server.get().json()["name"] == "pkg"
        assert server.end() == 0


def test_an_application_that_no_worker_can_find(tmp_path: Path) -> None:
    """The lines to write, before anything is started."""
    guarded = "if __name__ == '__main__':\n    app = WebServer(__name__)\n    app.run(workers=2, port=0)\n"
    (tmp_path / "app.py").write_text(f"from aeros_compat import WebServer\n{guarded}")
    text = refused("app.py", cwd=tmp_path)
    assert "    app = WebServer(__name__)\n\n    if __name__ == '__main__':\n        app.run(workers=...)" in text
    needs = "from aeros_compat import WebServer\ndef create_app(name):\n    return WebServer(name)\n"
    (tmp_path / "app.py").write_text(f"{needs}create_app('x').run(workers=2, port=0)\n")
    assert "Several workers need to find the application by its name" in refused("app.py", cwd=tmp_path)
    inside = "from aeros_compat import WebServer\nWebServer('x').run(workers=2, port=0)"
    assert "Several workers need to find the application by its name" in refused("-c", inside, cwd=tmp_path)


def test_what_cannot_be_handed_to_workers(tmp_path: Path) -> None:
    refusal = refused(program(tmp_path, 0, "workers=2, callback_notify=lambda: None"), cwd=tmp_path)
    assert "The option callback_notify cannot be handed to worker processes" in refusal
    (tmp_path / "thread.py").write_text(
        "from app import app\nimport threading\n"
        "thread = threading.Thread(target=app.run_server, kwargs={'workers': 2, 'port': 0})\n"
        "thread.start()\nthread.join()\nraise SystemExit(1)\n"
    )
    assert "from the main thread only" in refused("thread.py", cwd=tmp_path)


def test_a_worker_that_cannot_load_the_application_ends_them_all(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "pkg.py").write_text(
        "import multiprocessing\nfrom aeros_compat import WebServer\n"
        "if multiprocessing.parent_process() is not None:\n    raise ValueError('not here')\n"
        "app = WebServer('pkg')\n"
    )
    (tmp_path / "app.py").write_text(
        f"if __name__ == '__main__':\n    import pkg\n    pkg.app.run(port={port}, workers=2)\n"
    )
    done = ended("app.py", cwd=tmp_path)
    assert done.returncode == 3
    assert "The application pkg:app cannot be loaded in a worker" in done.stderr
    assert "ValueError: not here" in done.stderr


def test_workers_whose_main_module_fails_end_them_all(tmp_path: Path) -> None:
    """It is not tried again for ever."""
    (tmp_path / "app.py").write_text(
        "from aeros_compat import WebServer\napp = WebServer(__name__)\n"
        "if __name__ == '__main__':\n    app.run(port=0, workers=2)\nelse:\n    raise ValueError('not here')\n"
    )
    done = ended("app.py", cwd=tmp_path)
    assert done.returncode == 3
    assert "ValueError: not here" in done.stderr
    assert "No worker could start" in done.stderr


def test_one_that_is_killed_while_the_other_is_starting_is_replaced(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "app.py").write_text(
        "import asyncio, os, pathlib\nfrom aeros_compat import WebServer\n"
        "app = WebServer(__name__)\napp.add_url_rule('/', 'index', lambda: 'served')\n"
        "@app.before_serving\nasync def slowly():\n"
        "    pathlib.Path(f'{os.getpid()}.pid').touch()\n    await asyncio.sleep(4)\n"
        f"if __name__ == '__main__':\n    app.run(port={port}, workers=2)\n"
    )
    with running("app.py", port=port, cwd=tmp_path) as server:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        os.kill(int(next(tmp_path.glob("*.pid")).stem), signal.SIGKILL)
        wait_for(lambda: server.log.count("Application startup complete") == 2)
        assert server.get("/").text == "served"
    assert "No worker could start" not in server.log
