"""``pytest --aeros=flask|sync|async``: run the tests of an application on Flask or on WebServer, without editing them.

``--aeros-record=corpus.json`` keeps the requests that the tests make, for ``aeros-compat parity --corpus``.

A module beside the package, because pytest imports its entry point in every run of an environment: the package, and
with it Flask and Quart, is imported only if one of the options is given. ``pytest -p no:aeros`` leaves it out.
"""

from __future__ import annotations

import importlib

import pytest

MEANINGS = {
    "flask": "flask.Flask as it is, also where WebServer is named",
    "sync": "WebServer in the place of flask.Flask",
    "async": "WebServer in the place of flask.Flask, every view as async def",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("aeros", "Flask applications on WebServer")
    group.addoption(
        "--aeros",
        choices=tuple(MEANINGS),
        help="what flask.Flask is in this run: "
        + "; ".join(f"'{mode}', {meaning}" for mode, meaning in MEANINGS.items()),
    )
    group.addoption(
        "--aeros-record",
        metavar="FILE",
        help="keep the requests that test clients make in FILE, for aeros-compat parity --corpus",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any file of the user's is imported."""
    given = early_config.known_args_namespace
    if given.aeros is not None or given.aeros_record is not None:
        importlib.import_module("aeros_compat.pytest_plugin").begin(early_config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    mode = config.option.aeros
    return [f"aeros: {MEANINGS[mode]}"] if mode is not None else []
