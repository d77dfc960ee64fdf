"""Where a value is wanted and a coroutine would be none: the places at which a forgotten ``await`` is sure."""

from __future__ import annotations

import ast
from types import FunctionType
from typing import TYPE_CHECKING

from ..callables import is_async
from .scope import called
from .values import Known, LocalFunction, Method, is_a

if TYPE_CHECKING:
    from .values import Value

#: What coroutines have themselves.
_OWN = frozenset({"close", "send", "throw", "cr_await", "cr_code", "cr_frame", "cr_running", "__await__"})


def is_coroutine_function(callee: Value) -> bool:
    """Whether calling it gives a coroutine that nobody has begun to run."""
    if isinstance(callee, LocalFunction):
        return isinstance(callee.node, ast.AsyncFunctionDef) and not (
            callee.node.decorator_list or _yields(callee.node)
        )
    callee = called(callee)
    if isinstance(callee, Known | Method):
        function = callee.object if isinstance(callee, Known) else callee.function
        return is_a(function, FunctionType) and is_async(function)
    return False


def _yields(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Yield) for inner in ast.walk(node))


def operands_of(node: ast.AST, is_in_coroutine: bool) -> list[ast.expr]:
    """The expressions of which a node wants the value.

    :param is_in_coroutine: whether the function is ``async def``: then its caller awaits it, and not what it returns.
    """
    match node:
        case ast.Expr(value=value):
            return [value]
        case ast.Return(value=ast.Call() as value):
            return [value] if is_in_coroutine else []
        case ast.Attribute(value=value, attr=name):
            return [] if name in _OWN else [value]
        case ast.Subscript(value=value) | ast.FormattedValue(value=value) | ast.Starred(value=value):
            return [value]
        case ast.For(iter=value) | ast.comprehension(iter=value):
            return [] if getattr(node, "is_async", 0) else [value]
        case ast.UnaryOp(operand=value):
            return [value]
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.Compare(left=left, ops=ops, comparators=others):
            return [] if all(isinstance(op, ast.Is | ast.IsNot) for op in ops) else [left, *others]
        # A name may be a coroutine or None; a call is no such question.
        case ast.If(test=ast.Call() as test) | ast.While(test=ast.Call() as test) | ast.IfExp(test=ast.Call() as test):
            return [test]
        case ast.BoolOp(values=values):
            return [value for value in values if isinstance(value, ast.Call)]
    return []
