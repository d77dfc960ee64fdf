"""Statements that have to stay together on the thread: they go into a function of their own, which is awaited.

What they set stays what it was: names that the view has elsewhere are ``nonlocal``, others are returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst
from libcst import matchers

from .assignments import Assignments
from .expressions import why_not_movable
from .functions import own_nodes, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .view import View

_FUNCTIONS = cst.FunctionDef | cst.Lambda | cst.ClassDef


def plan_blocks(view: View, reasons: dict[cst.CSTNode, str]) -> None:
    """Plan statements as bodies of functions that run on the thread.

    Args:
        view: Whose statements they are.
        reasons: For each statement, why it has to stay together.
    """
    for statement, why in reasons.items():
        block = _Block(view, statement, [other for other in reasons if other is not statement])
        if block.obstacle:
            view.stands_against(statement, f"{why}; {block.obstacle}")
            continue
        view.plan.replace_whole(statement, block.edit(view, view.free_name("work")))
        view.done(statement, "block", f"await sync_to_async(…)() of the whole statement: {why}")


class _Block:
    def __init__(self, view: View, statement: cst.CSTNode, others: list[cst.CSTNode]) -> None:
        inside = _names_set(statement)
        outside = _names_set(view.function.node.body, [statement, *others])
        outside |= {part.name.value for part in parameters_of(view.function.node)}
        self._used = _names_used(view.function.node, [statement, *others])
        self._set_twice: set[str] = set()
        for other in others:
            heads = _head_names(other)  # set there before anything reads them
            self._used |= _names_used(other, []) - heads
            self._set_twice |= (inside & _names_set(other)) - outside - (heads & _head_names(statement))
        self.nonlocals = sorted(inside & outside)
        self.returned = sorted((inside - outside) & self._used)
        self.returns = bool(own_nodes(statement, cst.Return))
        self.obstacle = self._find_obstacle(view, statement)

    def _find_obstacle(self, view: View, statement: cst.CSTNode) -> str:
        if reason := why_not_movable(view, statement):
            return reason
        if _leaves(statement, cst.Break) or _leaves(statement, cst.Continue):
            return "break and continue of a loop around it cannot be put into a function of their own"
        is_last = view.function.node.body.body[-1] is statement
        if self.returns and not _always_returns(statement, is_last):
            return "it may return from the view, or not"
        if self._set_twice:
            return f"{', '.join(sorted(self._set_twice))} is set in another such statement too"
        unsure = [name for name in self.returned if name not in _surely_set(statement)]
        if unsure and not self.returns:
            return f"it may set {', '.join(unsure)}, or not"
        declared = {
            item.name.value
            for node in matchers.findall(view.function.node, matchers.Global() | matchers.Nonlocal())
            for item in node.names  # type: ignore[attr-defined]
        }
        if declared & set(self.nonlocals + self.returned) or any(map(_deletes_name, own_nodes(statement, cst.Del))):
            return "it changes global names, or deletes some"
        return ""

    def edit(self, view: View, name: str) -> Callable[[cst.BaseStatement], cst.FlattenSentinel[cst.BaseStatement]]:
        def replace(statement: cst.BaseStatement) -> cst.FlattenSentinel[cst.BaseStatement]:
            lines = statement.leading_lines  # type: ignore[attr-defined]
            body: list[cst.BaseStatement] = [statement.with_changes(leading_lines=[])]
            if self.nonlocals:
                body.insert(0, _line(f"nonlocal {', '.join(self.nonlocals)}"))
            call = f"await sync_to_async({name})()"
            if self.returns:
                call = f"return {call}"
            elif self.returned:
                names = ", ".join(self.returned)
                body.append(_line(f"return {names}"))
                call = f"{names} = {call}"
            blank = cst.EmptyLine(indent=False)
            function = cst.FunctionDef(
                cst.Name(name), cst.Parameters(), view.block(*body), leading_lines=lines or [blank]
            )
            return cst.FlattenSentinel([function, _line(call).with_changes(leading_lines=[blank])])

        return replace


def _line(code: str) -> cst.SimpleStatementLine:
    statement = cst.parse_statement(code)
    assert isinstance(statement, cst.SimpleStatementLine)
    return statement


def _deletes_name(statement: cst.CSTNode) -> bool:
    target = cst.ensure_type(statement, cst.Del).target
    return not isinstance(target, cst.Attribute | cst.Subscript)


def _leaves(node: cst.CSTNode, kind: type[cst.CSTNode]) -> bool:
    """Whether there is a ``break`` or ``continue`` that is not for a loop inside ``node``."""
    if isinstance(node, kind):
        return True
    if isinstance(node, _FUNCTIONS):
        return False
    if isinstance(node, cst.For | cst.While):
        return node.orelse is not None and _leaves(node.orelse, kind)
    return any(_leaves(child, kind) for child in node.children)


def _always_returns(node: cst.CSTNode, is_last: bool) -> bool:
    """Whether a statement ends with a return in every case (or an exception)."""
    if isinstance(node, cst.SimpleStatementLine):
        return isinstance(node.body[-1], cst.Return | cst.Raise)
    if isinstance(node, cst.With):
        # A manager that swallows exceptions goes on behind the block: with nothing there, that gives None too.
        is_safe = is_last or all(_is_open(item.item) for item in node.items)
        return is_safe and _always_returns(node.body.body[-1], is_last)
    if isinstance(node, cst.If):
        parts = (node.body.body[-1], node.orelse)
        return node.orelse is not None and all(part and _always_returns(part, is_last) for part in parts)
    return isinstance(node, cst.Else) and _always_returns(node.body.body[-1], is_last)


def _is_open(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "open"


def _surely_set(node: cst.CSTNode) -> set[str]:
    """Names that a statement sets, unless an exception leaves it.

    (Where a context manager swallows that exception, reading the name fails in the view, and now in the block.)
    """
    if isinstance(node, cst.With):
        return _head_names(node) | {name for part in node.body.body for name in _surely_set(part)}
    return _names_set(node) if isinstance(node, cst.SimpleStatementLine) else set()


def _head_names(node: cst.CSTNode) -> set[str]:
    """Names that the first line of a statement sets."""
    if isinstance(node, cst.With):
        return {name for item in node.items for name in _names_set(item)}
    return (
        _names_set(node.with_changes(body=cst.IndentedBlock([]), orelse=None)) if isinstance(node, cst.For) else set()
    )


class _NamesSet(Assignments):
    def __init__(self, node: cst.CSTNode, without: Collection[cst.CSTNode]) -> None:
        super().__init__(cst.Module([]))
        self._without = without
        node.visit(self)

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node not in self._without and super().on_visit(node)


def _names_set(node: cst.CSTNode, without: Collection[cst.CSTNode] = ()) -> set[str]:
    return set(_NamesSet(node, without).values)


def _names_used(node: cst.CSTNode, without: Collection[cst.CSTNode]) -> set[str]:
    if node in without:
        return set()
    if isinstance(node, cst.Name):
        return {node.value}
    if isinstance(node, cst.Attribute):
        return _names_used(node.value, without)
    return {name for child in node.children for name in _names_used(child, without)}
