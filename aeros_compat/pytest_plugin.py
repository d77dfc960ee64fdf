"""``pytest --aeros=flask|sync|async``: run the tests of an application on Flask or on WebServer, without editing them.

``--aeros-record=corpus.json`` keeps the requests that the tests make, for ``aeros-compat parity --corpus``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .parity.recorder import Recorder
from .parity.swap import MODES, swap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .parity.swap import Mode

_MEANINGS = {
    "flask": "flask.Flask as it is, also where WebServer is named",
    "sync": "WebServer in the place of flask.Flask",
    "async": "WebServer in the place of flask.Flask, every view as async def",
}

_RECORDER = pytest.StashKey[Recorder]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("aeros", "Flask applications on WebServer")
    group.addoption(
        "--aeros",
        choices=MODES,
        help="what flask.Flask is in this run: "
        + "; ".join(f"'{mode}', {meaning}" for mode, meaning in _MEANINGS.items()),
    )
    group.addoption(
        "--aeros-record",
        metavar="FILE",
        help="keep the requests that test clients make in FILE, for aeros-compat parity --corpus",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any file of the user's is imported."""
    mode: Mode | None = early_config.known_args_namespace.aeros
    file: str | None = early_config.known_args_namespace.aeros_record
    if mode is not None:
        swap(mode)
    if mode is not None or file is not None:
        early_config.stash[_RECORDER] = Recorder(Path(file).absolute() if file else None)


def pytest_report_header(config: pytest.Config) -> list[str]:
    mode = config.option.aeros
    return [f"aeros: {_MEANINGS[mode]}"] if mode is not None else []


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
