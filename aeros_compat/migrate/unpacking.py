"""Where Python runs through an iterable by itself: ``in``, unpacking, stars, ``+=`` of a list. A cursor reads rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from .naming import root_of

if TYPE_CHECKING:
    from .judge import Judge

WHY = "it runs through what may wait, or belong to the thread"


def why_expression(judge: Judge, node: cst.CSTNode) -> str | None:
    """Why evaluating an expression runs through something that is not known to be plain; None if it does not."""
    if isinstance(node, cst.Comparison):
        contained = [each.comparator for each in node.comparisons if isinstance(each.operator, cst.In | cst.NotIn)]
        # What a module keeps is made when it is imported: constants, for the most part.
        run = [each for each in contained if _is_own(judge, each)]
    elif isinstance(node, cst.List | cst.Tuple | cst.Set) and not isinstance(judge.file.parent(node), _TARGETS):
        run = [each.value for each in node.elements if isinstance(each, cst.StarredElement)]
    elif isinstance(node, cst.Call):
        run = [arg.value for arg in node.args if arg.star == "*"]
    else:
        return None
    return WHY if any(judge.why_iterating(each) for each in run) else None


_TARGETS = cst.AssignTarget | cst.For | cst.CompFor | cst.AsName


def why_statement(judge: Judge, part: cst.BaseSmallStatement) -> str | None:
    """The same for what an assignment does with its value."""
    if isinstance(part, cst.Assign) and any(isinstance(each.target, cst.Tuple | cst.List) for each in part.targets):
        return WHY if judge.why_iterating(part.value) else None
    if isinstance(part, cst.AugAssign) and isinstance(part.operator, cst.AddAssign):
        return WHY if _is_list(judge, part.target) and judge.why_iterating(part.value) else None
    return None


def _is_own(judge: Judge, node: cst.BaseExpression) -> bool:
    """Whether a value comes from the function itself: a variable of its own, or what a call gives."""
    root = root_of(node)
    if root is not node and not isinstance(node, cst.Attribute):
        return True
    return isinstance(root, cst.Name) and judge.values.is_local(root.value)


def _is_list(judge: Judge, target: cst.BaseExpression) -> bool:
    values = judge.values.local.values.get(target.value, []) if isinstance(target, cst.Name) else []
    return any(isinstance(value, cst.List | cst.ListComp) for value in values)
