"""Who else uses a function: it can become async only if all of them can deal with that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .project import Function, Project, Reference
    from .view import View

#: Functions that take views, sync or async.
_TAKING = frozenset((
    "add_url_rule", "register_error_handler", "exempt", "as_view", "before_request", "after_request",
    "teardown_request", "limit", "before_app_request", "after_app_request",
))  # fmt: skip


def look_at_callers(project: Project, view: View, views: Mapping[Function, View]) -> None:
    """Adds an obstacle for each place that would be given a coroutine without expecting one."""
    function = view.function
    for reference in project.references(function):
        if why := _why_not(reference, views):
            view.stands_against(function.node.name, f"{why} ({reference.place})")


def _why_not(reference: Reference, views: Mapping[Function, View]) -> str:
    call = reference.call
    if call is not None:
        caller = views.get(reference.caller) if reference.caller is not None else None
        if caller is None:
            return "sync code calls it"
        return "" if call in caller.plan.edits else "it is called where nothing can be awaited"
    parent = reference.file.parent(reference.node)
    taker = reference.file.parent(parent) if isinstance(parent, cst.Arg) else None
    if isinstance(taker, cst.Call):
        caller = views.get(reference.caller) if reference.caller is not None else None
        if caller is not None and taker in caller.awaiting:
            return ""
        called = taker.func.attr if isinstance(taker.func, cst.Attribute) else taker.func
        if isinstance(called, cst.Name) and called.value in _TAKING:
            return ""
    return "it is handed on, and nothing proves that it may be async there"
