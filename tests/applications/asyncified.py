"""``aeros-compat asyncify`` makes the views of an application ``async def``, one by one; its tests run after each."""

from __future__ import annotations

import ast
import contextlib
import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aeros_compat.migrate.asyncify import asyncify
from aeros_compat.migrate.catalogue import selected
from aeros_compat.migrate.plan import Finding
from aeros_compat.migrate.source import CannotMigrate

from ..conformance.suite_run import run_suite
from .stage import stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..conformance.swap.order import Answer
    from .application import Application
    from .run import Progress

FOLDER = "asyncified"


@dataclass
class Asyncified:
    """What became of the views of one application."""

    #: Views that are ``async def`` now, and those that stay as they are, each with what was found in its lines.
    turned: dict[str, list[Finding]] = field(default_factory=dict)
    left: dict[str, list[Finding]] = field(default_factory=dict)
    #: Tests that passed on Flask and do not pass once this view is turned.
    newly_failing: dict[str, list[str]] = field(default_factory=dict)
    #: The run of the tests after the last view.
    answer: Answer | None = None


def asyncified(application: Application, home: Path, swapped: Path, flask: Answer, progress: Progress) -> Asyncified:
    """Turn one view after another, and run all tests after each.

    :param swapped: the application, in which WebServer is named already; it is copied.
    :param flask: what its tests give on Flask.
    """
    folder = home / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(swapped, folder, symlinks=True)
    result = Asyncified()
    views = _views(application, home, folder)
    for number, view in enumerate(views, 1):
        progress(f"view {number} of {len(views)}")
        if not _turn(folder, view, result):
            continue
        answer = run_suite(application.suite, "swapped", "sync", (), lambda state: None, folder)
        newly = sorted((flask.named("passed") - answer.named("passed")) - _known(result))
        if newly:
            result.newly_failing[view] = newly
        result.answer = answer
    return result


def _known(result: Asyncified) -> set[str]:
    return {name for names in result.newly_failing.values() for name in names}


def _turn(folder: Path, view: str, result: Asyncified) -> bool:
    """Whether the view was turned. The files are written."""
    try:
        with contextlib.chdir(folder):  # files are named in the findings as seen from there
            outcome = asyncify([view], selected((), ()))
            changed = [(source, content) for source, content in outcome.changed if content != source.content]
            for source, content in changed:
                source.write(content)
    except CannotMigrate as error:
        result.left[view] = [Finding(0, "left", error.format_message())]
        return False
    findings = [finding for report in outcome.reports for finding in report.findings]
    (result.turned if changed else result.left)[view] = findings
    return bool(changed)


def _views(application: Application, home: Path, folder: Path) -> list[str]:
    """The views that stand in ``folder``, as asyncify wants to be told them, in the order of their routes."""
    with stage(application, home) as place:
        report = json.loads(place.run("doctor", "--json", application.target, source=folder))
        places = [each for route in report["routes"] if (each := route["place"])]
        lines = [((place.folder / each["file"]).resolve(), each["line"]) for each in places]
    here = folder.resolve()
    names = {file: dict(_definitions(file)) for file, _ in lines if file.is_relative_to(here)}
    views = (f"{file.relative_to(here)}::{names[file][line]}" for file, line in lines if line in names.get(file, ()))
    return list(dict.fromkeys(views))


def _definitions(file: Path) -> Iterator[tuple[int, str]]:
    """The functions and classes of a module, by the lines on which they may be said to begin."""
    for node in ast.parse(file.read_bytes()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from ((each.lineno, node.name) for each in (node, *node.decorator_list))
