"""What ``pytest_aeros`` loads if one of its options is given: names are swapped, and requests of tests recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .parity.recorder import Recorder
from .parity.swap import swap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .parity.swap import Mode

_RECORDER = pytest.StashKey[Recorder]()


def begin(early_config: pytest.Config) -> None:
    """Before any file of the user's is imported: give ``flask.Flask`` its meaning, and look at test clients.

    :raises pytest.UsageError: if requests are to be recorded, and the tests run in several processes.
    """
    early_config.pluginmanager.register(sys.modules[__name__], __name__)
    mode: Mode | None = early_config.known_args_namespace.aeros
    file: str | None = early_config.known_args_namespace.aeros_record
    if mode is not None:
        swap(mode)
    if getattr(early_config.known_args_namespace, "numprocesses", None):  # pytest-xdist
        if file is not None:
            raise pytest.UsageError("--aeros-record keeps the requests of one process: run the tests without -n.")
        return
    if mode is not None or file is not None:
        early_config.stash[_RECORDER] = Recorder(Path(file).absolute() if file else None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """The requests of one test are one visit."""
    recorder = item.config.stash.get(_RECORDER, None)
    if recorder is not None:
        recorder.visit = item.nodeid
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    recorder = config.stash.get(_RECORDER, None)
    if recorder is not None:
        terminalreporter.write_line(f"aeros: {recorder.summary()}")


def pytest_unconfigure(config: pytest.Config) -> None:
    recorder = config.stash.get(_RECORDER, None)
    if recorder is not None:
        recorder.write()
