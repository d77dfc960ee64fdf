"""The hop keeps asgiref's contract: asgiref's own tests pass with it as the way to a thread and back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..conformance.sdist import unpacked

ROOT = Path(__file__).parents[2]

#: A plugin of pytest's, in the process that runs asgiref's tests. Where a call runs is decided by asgiref's rules;
#: how it gets there and back is the hop.
PLUGIN = """
import asyncio, contextvars
from concurrent.futures import ThreadPoolExecutor
from asgiref import sync
from aeros_compat.lanes.hop import hop
from aeros_compat.lanes.threads import WorkerThreads

threads, hops = WorkerThreads(8), []


class Through:
    def __init__(self, executor):
        self.executor = executor

    def post(self, call):
        self.executor.submit(lambda: call()())


def place(self):
    if not self._thread_sensitive:
        return threads.turn() if self._executor is None else Through(self._executor)
    scope, known = self.thread_sensitive_context.get(None), self.context_to_thread_executor
    waiting = getattr(sync.AsyncToSync.executors, "current", None)
    waiting_for_loop = sync.AsyncToSync.loop_thread_executors.get(asyncio.get_running_loop())
    if waiting is not None:
        return Through(waiting)
    if scope:
        if scope._exited:
            raise RuntimeError("ThreadSensitiveContext has exited")
        if scope not in known:
            known[scope] = ThreadPoolExecutor(max_workers=1)
        return Through(known[scope])
    if waiting_for_loop is not None:
        return Through(waiting_for_loop)
    if self.deadlock_context.get(False):
        raise RuntimeError("Single thread executor already being used, would deadlock")
    self.deadlock_context.set(True)
    return Through(self.single_thread_executor)


async def call(self, *args, **kwargs):
    chosen = place(self)
    hops.append(self.func)
    context = contextvars.copy_context() if self.context is None else self.context
    try:
        return await hop(chosen, context, self.func, *args, **kwargs)
    finally:
        if self.context is None:
            sync._restore_context(context)
        self.deadlock_context.set(False)


sync.SyncToAsync.__call__ = call


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"hops: {len(hops)}")
"""


def test_asgirefs_own_tests(tmp_path: Path) -> None:
    tests = unpacked("asgiref", "3.13.0") / "tests"
    (tmp_path / "with_hop.py").write_text(PLUGIN)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = strict\n")
    files = [str(tests / name) for name in ("test_sync.py", "test_sync_contextvars.py", "test_local.py")]
    # This one looks at how SyncToAsync works inside, with a thread_handler of its own.
    not_applicable = ["-k", "not test_sync_to_async_thread_handler_child_is_partial"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "with_hop", "-c", str(tmp_path / "pytest.ini"), *files]
    command += not_applicable
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    hops = int(run.stdout.partition("hops: ")[2].split()[0])
    assert hops >= 50, run.stdout
