"""How a view uses an object that gets an asynchronous twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

if TYPE_CHECKING:
    from collections.abc import Collection

    from .view import View

_FRAMES = cst.Lambda | cst.FunctionDef | cst.ClassDef | cst.ListComp | cst.SetComp | cst.DictComp | cst.GeneratorExp


def named_manager(view: View, statement: cst.CSTNode, names: Collection[str]) -> tuple[cst.Call, cst.Name] | None:
    """The call and the name of ``with f(…) as name:``, if what is called has one of ``names``."""
    if not isinstance(statement, cst.With) or len(statement.items) != 1:
        return None
    item = statement.items[0]
    name = item.asname.name if item.asname is not None else None
    if not isinstance(item.item, cst.Call) or view.naming.imported(item.item.func) not in names:
        return None
    return (item.item, name) if isinstance(name, cst.Name) else None


def awaited_methods(view: View, statement: cst.With, name: cst.Name, methods: Collection[str]) -> list[cst.Call] | str:
    """The calls of methods of what a ``with`` statement names, if that is all that the view does with it.

    Returns:
        The calls, to be awaited; or why that cannot be.
    """
    calls: list[cst.Call] = []
    for use in uses_of(view.function.node, name.value):
        if use is name:
            continue
        above = list(view.file.ancestors(use))
        line = f"line {view.line(use)}"
        attribute, call = above[0], above[1]
        if statement not in above:
            return f"{name.value} is used outside the with statement too ({line})"
        if not isinstance(attribute, cst.Attribute) or not isinstance(call, cst.Call) or call.func is not attribute:
            return f"{name.value} is handed on ({line})"
        if attribute.attr.value not in methods:
            return f"{name.value}.{attribute.attr.value}() has no counterpart that is known to be equal ({line})"
        inner = above[: above.index(statement)]
        if any(isinstance(each, _FRAMES) for each in inner):
            return f"{name.value} is used where nothing can be awaited ({line})"
        if any(
            isinstance(each, cst.With) or (isinstance(each, cst.For) and view.judge.why_iterating(each.iter))
            for each in inner
        ):
            return f"{name.value} is used in a statement that has to stay together ({line})"
        calls.append(call)
    return calls


def uses_of(node: cst.CSTNode, name: str) -> list[cst.Name]:
    """Where a name stands for a variable: not as an attribute, nor as the keyword of an argument."""
    if isinstance(node, cst.Name):
        return [node] if node.value == name else []
    if isinstance(node, cst.Attribute):
        return uses_of(node.value, name)
    children = [child for child in node.children if not (isinstance(node, cst.Arg) and child is node.keyword)]
    return [use for child in children for use in uses_of(child, name)]
