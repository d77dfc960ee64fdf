"""Applications that are written for one test, imported, and looked at."""

from __future__ import annotations

import importlib
import itertools
import sys
import textwrap
from typing import TYPE_CHECKING, Protocol

import pytest

from aeros_compat import WebServer
from aeros_compat.doctor.application import Application

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aeros_compat.doctor.finding import Finding

    Rule = Callable[[Application], Iterator[Finding]]

_numbers = itertools.count()

#: What every application of these tests may use.
HEAD = """
import asyncio, concurrent.futures, contextvars, functools, io, os, pathlib, queue, shutil, socket, sqlite3, subprocess
import threading, time, urllib.request
import flask, httpx, redis, redis.asyncio, requests, sqlalchemy
from asgiref.sync import async_to_sync, sync_to_async
from flask import Blueprint, Flask, g, request
from flask.views import MethodView, View
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from aeros_compat import WebServer

app = WebServer(__name__)
"""


class Write(Protocol):
    def __call__(self, source: str, **files: str) -> Application: ...


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a module with an ``app``, and neighbours under names of their own, and imports it."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def written(source: str, **files: str) -> Application:
        name = f"application_{next(_numbers)}"
        for file, text in {name: HEAD + textwrap.dedent(source), **files}.items():
            (tmp_path / f"{file}.py").write_text(textwrap.dedent(text))
        importlib.invalidate_caches()
        app = importlib.import_module(name).app
        was_plain = not isinstance(app, WebServer)
        return Application(f"{name}:app", WebServer.from_flask(app), was_plain)

    yield written
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


def findings(application: Application, rule: Rule) -> list[Finding]:
    """What a rule finds in the files of the application itself: the tests' own modules are the user's code too."""
    return [finding for finding in rule(application) if not str(finding.place).startswith("/")]
