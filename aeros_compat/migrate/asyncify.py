"""Chosen views become ``async def``, with what waits in them awaited: all that can be proven, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import libcst as cst

from .callers import look_at_callers
from .court import Court
from .decorators import look_at_decorators
from .functions import is_generator
from .imports import with_imports
from .plan import Carried, Finding
from .project import Function, Project
from .source import CannotMigrate
from .view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .project import File
    from .rule import Rule
    from .source import Source

#: Rules that only say where code runs: a helper in which nothing else applies is better called on the thread.
_PLACES = ("thread", "block", "left")
_METHODS = ("get", "head", "post", "put", "delete", "patch", "options", "trace", "dispatch_request")


@dataclass(frozen=True)
class Report:
    """What became of one function.

    Attributes:
        name: As it was given: ``shop/views.py::checkout``.
        verdict: ``async def``, ``is async already``, or ``left alone``.
        findings: What was done or left, line by line.
    """

    name: str
    verdict: str
    findings: list[Finding]


@dataclass
class Outcome:
    """What asyncify would write.

    Attributes:
        changed: Each file with its new content, in bytes.
        reports: One for each function, in the order of the arguments, then the helpers that were followed.
        packages: What has to be installed.
    """

    changed: list[tuple[Source, bytes]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)


def asyncify(targets: Iterable[str], rules: Sequence[Rule], follow: bool = False) -> Outcome:
    """Plan the conversion of views.

    Args:
        targets: ``path::view``, ``path::Class::method``, or ``path::Class`` for all its methods that are views.
        rules: The rules that may be used.
        follow: Whether helpers in which something has a counterpart become ``async def`` too.

    Raises:
        CannotMigrate: A target does not exist, or its file cannot be parsed.
    """
    outcome = Outcome()
    projects: dict[Path, Project] = {}
    wanted: dict[Project, list[Function]] = {}
    for target in targets:
        path, _, name = target.partition("::")
        project = Project(Path(path))
        project = projects.setdefault(project.root, project)
        found = wanted.setdefault(project, [])
        found.extend(each for each in _functions(project.file_at(Path(path)), target, name) if each not in found)
    for project, functions in wanted.items():
        _convert(project, functions, rules, follow, outcome)
    return outcome


def _functions(file: File, target: str, name: str) -> list[Function]:
    name = name.replace("::", ".")
    if not name:
        raise CannotMigrate(f"Which view? Name it: {target}::view. {_known(file)}")
    if name in file.functions:
        return [file.functions[name]]
    if name in file.classes:
        methods = [file.functions[f"{name}.{each}"] for each in _METHODS if f"{name}.{each}" in file.functions]
        if methods:
            return methods
        raise CannotMigrate(f"{target} has none of the methods of a view ({', '.join(_METHODS)}).")
    raise CannotMigrate(f"There is no function {name!r} in {file.source.path}. {_known(file)}")


def _known(file: File) -> str:
    names = ", ".join(name.replace(".", "::") for name in file.functions)
    return f"It has {names}." if names else "It has no functions."


class _Conversion:
    """Finds the functions that can be converted together: each may depend on others of them."""

    def __init__(self, court: Court, targets: list[Function], helpers: list[Function], rules: Sequence[Rule]) -> None:
        self.court = court
        self.targets = targets
        self.rules = rules
        self.views: dict[Function, View] = {}
        self.left: dict[Function, View] = {}
        self._settle([*targets, *helpers])

    def _settle(self, candidates: list[Function]) -> None:
        while True:
            self.views = {each: self._view(each, candidates) for each in candidates}
            for view in self.views.values():
                look_at_callers(self.court.project, view, self.views)
            refused = {each: view for each, view in self.views.items() if not self._is_fine(each, view)}
            if not refused:
                return
            # Helpers go first: what stands against a view may have been one of them, awaited.
            helpers = {each: view for each, view in refused.items() if each not in self.targets}
            refused = helpers or refused
            self.left |= refused
            candidates = [each for each in candidates if each not in refused]

    def _view(self, function: Function, candidates: list[Function]) -> View:
        is_target = function in self.targets
        view = View(self.court, function, self.rules, candidates, is_target)
        if is_target:
            look_at_decorators(self.court, view)
        return view

    def _is_fine(self, function: Function, view: View) -> bool:
        if view.plan.obstacles:
            return False
        return function in self.targets or any(each.rule not in _PLACES for each in view.plan.findings)


def _convert(
    project: Project, functions: list[Function], rules: Sequence[Rule], follow: bool, outcome: Outcome
) -> None:
    court = Court(project)
    targets = [each for each in functions if not each.is_async]
    helpers = _helpers(court, targets) if follow else []
    conversion = _Conversion(court, targets, helpers, rules)
    views = conversion.views
    for function in functions:
        outcome.reports.append(_report(function, views.get(function), conversion.left.get(function)))
    outcome.reports.extend(_report(each, view, None) for each, view in views.items() if each not in functions)
    for view in views.values():
        outcome.packages |= view.plan.packages
    for file in dict.fromkeys(each.file for each in views):
        plans = [view.plan for each, view in views.items() if each.file is file]
        tree = cst.ensure_type(file.source.tree.visit(Carried(plans)), cst.Module)
        tree = with_imports(tree, {each for plan in plans for each in plan.imports})
        outcome.changed.append((file.source, tree.bytes))


def _helpers(court: Court, targets: list[Function]) -> list[Function]:
    """The functions of the project that targets call, directly or not, and that may become async themselves."""
    found: dict[Function, None] = {}
    queue = list(targets)
    while queue:
        function = queue.pop(0)
        judge = court.judge(function)
        for call in _calls(function.node.body):
            for helper in (judge.helper_of(call), *(judge.helper_named(arg.value) for arg in call.args)):
                if helper and helper not in found and helper not in targets and _can_follow(court, helper):
                    found[helper] = None
                    queue.append(helper)
    return list(found)


def _can_follow(court: Court, helper: Function) -> bool:
    is_plain = not (helper.is_async or helper.node.decorators or is_generator(helper.node))
    return is_plain and court.why_function(helper) is not None


def _calls(node: cst.CSTNode) -> list[cst.Call]:
    found = [node] if isinstance(node, cst.Call) else []
    for child in node.children:
        found.extend(_calls(child))
    return found


def _report(function: Function, view: View | None, left: View | None) -> Report:
    name = f"{function.file.source.path}::{function.name.replace('.', '::')}"
    if view is not None:
        return Report(name, "async def", sorted({*view.plan.findings, *view.plan.notes}))
    if left is not None:
        return Report(name, "left alone", sorted(set(left.plan.obstacles)))
    return Report(name, "is async already", [])
