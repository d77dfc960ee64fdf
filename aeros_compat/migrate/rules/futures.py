"""``future = pool.submit(f, x)`` becomes ``future = asyncio.create_task(f(x))``, for an ``f`` that is followed.

What a ``ThreadPoolExecutor`` in a ``with`` statement is given runs at the same time, and is waited for at the end of
the statement; ``future.result()`` then gives the result, or raises the exception, of a task as of a future. There have
to be as many threads as submissions, or the pool would have run them one after the other. ``pool.map()`` is left alone:
over many items it bounds how many run at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from ..imports import Import
from ..rule import Rule
from ..uses import named_manager, uses_of

if TYPE_CHECKING:
    from ..view import View

_POOLS = ("concurrent.futures.ThreadPoolExecutor", "concurrent.futures.thread.ThreadPoolExecutor")
#: What the pool has without ``max_workers``, on the smallest machine (the documentation of concurrent.futures).
_DEFAULT = 5


def _statement(view: View, statement: cst.CSTNode) -> str | None:
    manager = named_manager(view, statement, _POOLS)
    if manager is None:
        return ""
    pool, name = manager
    statement = cst.ensure_type(statement, cst.With)
    submissions = [_submission(view, line, name.value) for line in statement.body.body]
    found = [each for each in submissions if each is not None]
    if len(found) != len(submissions) or len(uses_of(view.function.node, name.value)) != len(found) + 1:
        return "only assignments of pool.submit(f, …) are known to be equal"
    if len(found) > _threads(pool):
        return "the pool may have fewer threads than it is given calls"
    if why := _why_used_otherwise(view, statement, [target.value for target, _ in found]):
        return why
    if any(view.judge.helper_named(call.args[0].value) not in view.followed for _, call in found):
        return "what is submitted does not become async itself (--follow)"
    if not view.uses(Import("asyncio")):
        return "the name asyncio means something else in this file"
    _plan(view, statement, found)
    return None


def _submission(view: View, line: cst.CSTNode, pool: str) -> tuple[cst.Name, cst.Call] | None:
    """The name and the call of ``name = pool.submit(f, …)``, whose arguments do not wait."""
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return None
    part = line.body[0]
    if not isinstance(part, cst.Assign) or len(part.targets) != 1 or not isinstance(part.value, cst.Call):
        return None
    target, call = part.targets[0].target, part.value
    is_submit = isinstance(call.func, cst.Attribute) and call.func.attr.value == "submit"
    if not is_submit or not isinstance(target, cst.Name) or len(uses_of(call.func, pool)) != 1 or not call.args:
        return None
    return None if any(view.judge.pieces(arg.value) for arg in call.args[1:]) else (target, call)


def _threads(pool: cst.Call) -> int:
    if not pool.args:
        return _DEFAULT
    only = pool.args[0]
    is_number = len(pool.args) == 1 and (only.keyword is None or only.keyword.value == "max_workers")
    return int(only.value.value) if is_number and isinstance(only.value, cst.Integer) else 0


def _why_used_otherwise(view: View, statement: cst.With, names: list[str]) -> str:
    """Why the futures may be used for more than their results."""
    if len(set(names)) != len(names) or any(len(view.judge.values.local.values[name]) != 1 for name in names):
        return "a name is set several times"
    for name in names:
        for use in uses_of(view.function.node, name):
            if statement in view.file.ancestors(use):
                continue
            attribute = view.file.parent(use)
            call = view.file.parent(attribute) if attribute is not None else None
            is_result = isinstance(attribute, cst.Attribute) and attribute.attr.value == "result"
            if not is_result or not isinstance(call, cst.Call) or call.func is not attribute or call.args:
                return f"only {name}.result() is known to be equal (line {view.line(use)})"
    return ""


def _plan(view: View, statement: cst.With, found: list[tuple[cst.Name, cst.Call]]) -> None:
    for target, call in found:
        view.awaiting.add(call)
        view.plan.edit(call, _as_task)
        view.done(call, RULE.name, f"{view.source.code_of(call)} → asyncio.create_task(…)")
        for use in uses_of(view.function.node, target.value):
            result = view.file.parent(use)
            above = view.file.parent(result) if result is not None else None
            if isinstance(above, cst.Call):
                view.judge.harmless.add(above)
    wait = f"await asyncio.wait([{', '.join(target.value for target, _ in found)}])"
    view.plan.edit(statement, lambda updated: _unwrapped(updated, wait))


def _as_task(updated: cst.Call) -> cst.Call:
    function, *args = updated.args
    made = cst.Call(function.value, args)
    return updated.with_changes(func=cst.parse_expression("asyncio.create_task"), args=[cst.Arg(made)])


def _unwrapped(updated: cst.With, wait: str) -> cst.FlattenSentinel[cst.BaseStatement]:
    first, *rest = (cst.ensure_type(line, cst.SimpleStatementLine) for line in updated.body.body)
    first = first.with_changes(leading_lines=[*updated.leading_lines, *first.leading_lines])
    return cst.FlattenSentinel([first, *rest, cst.parse_statement(wait)])


RULE = Rule(
    "futures", "ThreadPoolExecutor.submit(f, …) of a followed f → asyncio.create_task(f(…))", statement=_statement
)
