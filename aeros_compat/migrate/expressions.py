"""Expressions: what has a twin is awaited, and what has none is sent to the thread in as few hops as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst
from libcst import matchers

from .naming import is_chain

if TYPE_CHECKING:
    from collections.abc import Callable

    from .judge import Piece
    from .view import View

_COMPREHENSIONS = cst.ListComp | cst.SetComp | cst.DictComp | cst.GeneratorExp
#: What means something else in a function of its own, or cannot stand there.
_BOUND_TO_FRAME = ("super", "locals", "vars", "eval", "exec", "dir")
_CALLEE = "await sync_to_async(f)(…)"


def plan_expression(view: View, node: cst.BaseExpression) -> None:
    """Plan an expression so that evaluating it on the event loop does not wait there."""
    view.look_for_streams(node)
    twins: set[cst.CSTNode] = set()
    _find_twins(view, node, twins)
    _plan(view, node, twins)


def _find_twins(view: View, node: cst.CSTNode, twins: set[cst.CSTNode]) -> None:
    """Let the rules plan the calls that they know. Where nothing can be awaited, they have no say."""
    if isinstance(node, cst.Lambda | _COMPREHENSIONS):
        return
    if isinstance(node, cst.Call) and (_is_awaited(view, node) or _has_twin(view, node)):
        twins.add(node)
    for child in node.children:
        _find_twins(view, child, twins)


def _has_twin(view: View, call: cst.Call) -> bool:
    return bool(view.judge.why_call(call)) and view.apply_call_rules(call)


def _is_awaited(view: View, call: cst.Call) -> bool:
    """Plan the call of what becomes async at the same time: a function, or a method of a twin."""
    is_followed = view.judge.helper_of(call) in view.followed
    if not is_followed and call not in view.twins:
        return False
    change = view.twins.get(call, lambda updated: updated)
    view.plan.edit(call, lambda updated: awaited(view, call, change(updated)))
    if is_followed:
        view.done(call, "follow", f"await {view.source.code_of(call)}")
    return True


def _plan(view: View, node: cst.CSTNode, twins: set[cst.CSTNode]) -> None:
    if not _holds(node, twins):
        pieces = view.judge.pieces(node)
        if pieces and (target := _smallest(view, node, pieces)) is not None:
            to_thread(view, target, pieces)
        return
    if isinstance(node, cst.Call) and node not in twins and (why := view.judge.why_call(node)):
        # A twin among the arguments is awaited first, on the loop, as it was evaluated first before.
        if _holds(node.func, twins) or view.judge.pieces(node.func) or not view.uses_thread(node, why):
            view.stands_against(node, f"{why}; and it has something in it that is awaited")
            return
        view.plan.edit(node, _awaited_call(view, node))
        view.done(node, "thread", f"{_CALLEE}: {why}")
    for child in node.children:
        _plan(view, child, twins)


def _holds(node: cst.CSTNode, wanted: set[cst.CSTNode]) -> bool:
    return node in wanted or any(_holds(child, wanted) for child in node.children)


def _smallest(view: View, node: cst.CSTNode, pieces: list[Piece]) -> cst.BaseExpression | None:
    """The smallest expression in which all the pieces are: they share one hop."""
    nodes = {piece.node for piece in pieces}
    best: cst.BaseExpression | None = None
    while True:
        is_part = isinstance(view.file.parent(node), cst.ConcatenatedString)
        if isinstance(node, cst.BaseExpression) and not isinstance(node, cst.StarredElement) and not is_part:
            best = node
        if node in nodes:
            break
        inside = [child for child in node.children if _holds(child, nodes)]
        if len(inside) != 1:
            break
        node = inside[0]
    if best is None:  # a part that is no expression by itself: arguments, elements
        for child in node.children:
            held = [piece for piece in pieces if _holds(child, {piece.node})]
            if held and (target := _smallest(view, child, held)) is not None:
                to_thread(view, target, held)
    return best


def to_thread(view: View, target: cst.BaseExpression, pieces: list[Piece]) -> None:
    """Plan ``await sync_to_async(f)(…)``, or the same with a lambda around more than a call."""
    why = "; ".join(dict.fromkeys(piece.why for piece in pieces))
    if not view.uses_thread(target, why):
        return
    if _may_stop_iteration(view, target):
        view.stands_against(target, f"{why}; {_STOPS}")
        return
    if isinstance(target, cst.Call) and len(pieces) == 1 and _is_callee(view, target):
        view.plan.replace_whole(target, _awaited_call(view, target))
        view.done(target, "thread", f"{_CALLEE}: {view.source.code_of(target.func, 40)}(): {why}")
        return
    if reason := why_not_movable(view, target):
        view.stands_against(target, f"{why}; {reason}")
        return
    view.plan.replace_whole(target, _awaited_lambda(view, target))
    view.done(target, "thread", f"await sync_to_async(lambda: …)(): {view.source.code_of(target, 40)}: {why}")


def _is_callee(view: View, call: cst.Call) -> bool:
    """Whether the function can be looked up on the loop: a name, or one attribute of something that is at hand."""
    func = call.func
    if any(isinstance(arg.value, cst.Lambda | cst.GeneratorExp) and view.judge.pieces(arg.value) for arg in call.args):
        return False
    if any(arg.star == "*" and view.judge.why_iterating(arg.value) for arg in call.args):
        return False
    if view.judge.why_call(call) is None:
        return False  # harmless itself: it is handed what is not
    if isinstance(func, cst.Name):
        return True
    if not isinstance(func, cst.Attribute) or view.judge.pieces(func.value):
        return False
    if view.naming.imported(func.value):
        # An attribute of what has been imported from a module may be a property: Model.query.
        return not isinstance(func.value, cst.Attribute) or not view.judge.has_orm
    return isinstance(func.value, cst.Name) or not is_chain(func)


def why_not_movable(view: View, node: cst.CSTNode) -> str:
    """Why code cannot be put into a function of its own; empty if it can."""
    if _may_stop_iteration(view, node):
        return _STOPS
    if isinstance(node, cst.GeneratorExp):
        return "a generator expression is run later"
    for kind, name in ((matchers.NamedExpr(), ":="), (matchers.Await(), "await"), (matchers.Yield(), "yield")):
        if matchers.findall(node, kind):
            return f"{name} cannot be put into a function of its own"
    for call in matchers.findall(node, matchers.Call()):
        builtin = view.naming.builtin(cst.ensure_type(call, cst.Call).func)
        if builtin in _BOUND_TO_FRAME:
            return f"{builtin}() cannot be put into a function of its own"
    return ""


#: The message of asyncio's futures, in other words.
_STOPS = "next() without a default may raise StopIteration, which cannot come back from a thread"


def _may_stop_iteration(view: View, node: cst.CSTNode) -> bool:
    calls = [cst.ensure_type(call, cst.Call) for call in matchers.findall(node, matchers.Call())]
    return any(view.naming.builtin(call.func) == "next" and len(call.args) == 1 for call in calls)


def awaited(view: View, original: cst.CSTNode, value: cst.BaseExpression) -> cst.Await:
    """``await value``, in parentheses where ``original`` stood before a dot, a bracket or a call."""
    parent = view.file.parent(original)
    is_followed = isinstance(parent, cst.Attribute | cst.Subscript) and parent.value is original
    is_followed = is_followed or (isinstance(parent, cst.Call) and parent.func is original)
    lpar, rpar = value.lpar, value.rpar
    if is_followed and not lpar:
        lpar, rpar = [cst.LeftParen()], [cst.RightParen()]
    return cst.Await(value.with_changes(lpar=[], rpar=[]), lpar=lpar, rpar=rpar)


def _awaited_call(view: View, original: cst.Call) -> Callable[[cst.Call], cst.Await]:
    def edit(updated: cst.Call) -> cst.Await:
        func = cst.Call(cst.Name("sync_to_async"), [cst.Arg(updated.func)])
        return awaited(view, original, updated.with_changes(func=func))

    return edit


def _awaited_lambda(view: View, original: cst.BaseExpression) -> Callable[[cst.BaseExpression], cst.Await]:
    def edit(updated: cst.BaseExpression) -> cst.Await:
        inner = updated.with_changes(lpar=[], rpar=[])
        if isinstance(updated, cst.Tuple):  # without parentheses its elements would be arguments
            inner = inner.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        func = cst.Call(cst.Name("sync_to_async"), [cst.Arg(cst.Lambda(cst.Parameters(), inner))])
        call = cst.Call(func, lpar=updated.lpar, rpar=updated.rpar)
        return awaited(view, original, call)

    return edit
