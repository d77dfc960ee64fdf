"""What the decorators around a view make of an async one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import libcst as cst
from libcst import matchers

from .functions import parameters_of
from .knowledge import is_listed

if TYPE_CHECKING:
    from .court import Court
    from .project import File, Function
    from .view import View

#: Methods of applications and blueprints that take sync and async functions alike.
_REGISTERING = frozenset((
    "route", "get", "post", "put", "patch", "delete", "errorhandler", "app_errorhandler", "before_request",
    "after_request", "teardown_request", "before_app_request", "after_app_request", "teardown_app_request",
    "teardown_appcontext", "context_processor", "cache",
))  # fmt: skip
#: Decorators of others that know both kinds of function, or leave the view as it is.
_KNOWN = (
    "flask_login.login_required",
    "flask_login.fresh_login_required",
    "flask_login.utils.login_required",
    "aeros_compat.CacheControl",
)
#: The same, as methods of objects of theirs: Flask-WTF's CSRFProtect, Flask-Limiter's Limiter.
_KNOWN_METHODS = ("exempt", "limit")
_A_THREAD = "is sync: the async view behind it works, and takes a thread until the decorator knows both kinds"
_A_GUARD = "calls the view inside of try or with, which is over before an async view runs"


def look_at_decorators(court: Court, view: View) -> None:
    """Adds obstacles and notes of a view's decorators, and of its class's, to the plan."""
    function = view.function
    for decorator in function.node.decorators:
        _look_at(court, view, decorator.decorator)
    for statement in function.cls.body.body if function.cls else ():
        for part in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(part, cst.Assign) and matchers.matches(
                part, matchers.Assign(targets=[matchers.AssignTarget(matchers.Name("decorators"))])
            ):
                elements = part.value.elements if isinstance(part.value, cst.List | cst.Tuple) else None
                if elements is None:
                    view.stands_against(part, "what the decorators of the class are cannot be told")
                for element in elements or ():
                    _look_at(court, view, element.value)


def _look_at(court: Court, view: View, decorator: cst.BaseExpression) -> None:
    called = decorator.func if isinstance(decorator, cst.Call) else decorator
    if isinstance(called, cst.Attribute) and called.attr.value in (*_REGISTERING, *_KNOWN_METHODS):
        return
    name = view.naming.imported(called)
    if name is not None and is_listed(name, _KNOWN):
        return
    own = view.naming.own(called)
    function = court.project.function(own) if own else None
    kind = None if function is None else _kind(function, isinstance(decorator, cst.Call))
    if kind == "sync":
        view.left(decorator, _A_THREAD)
    elif kind == "guard":
        view.stands_against(decorator, _A_GUARD)
    elif kind is None:
        view.stands_against(decorator, "nothing proves that this decorator only hands on what the view returns")


def _kind(function: Function, is_factory: bool) -> str | None:
    """``both``, ``sync``, ``guard``, or None for a decorator that may do something with what the view returns."""
    node: cst.FunctionDef | None = function.node
    if is_factory:
        node = next((part for part in node.body.body if isinstance(part, cst.FunctionDef)), None) if node else None
    if node is None or not parameters_of(node):
        return None
    view = parameters_of(node)[0].name.value
    uses = list(matchers.findall(node.body, matchers.Name(view)))
    if not all(_hands_on(function.file, name) for name in uses):
        return None
    code = function.file.source.tree.code_for_node(node)
    if "iscoroutinefunction(" in code or "async def" in code:
        return "both"
    return "guard" if any(_is_guarded(function.file, name, node) for name in uses) else "sync"


def _is_guarded(file: File, name: cst.CSTNode, decorator: cst.FunctionDef) -> bool:
    """Whether the view is called where ``except``, ``finally`` or a context manager waits for the end of the call."""
    parent = file.parent(name)
    if not isinstance(parent, cst.Call) or parent.func is not name:
        return False
    within = itertools.takewhile(lambda above: above is not decorator, file.ancestors(name))
    return any(isinstance(above, cst.Try | cst.TryStar | cst.With) for above in within)


def _hands_on(file: File, name: cst.CSTNode) -> bool:
    """Whether a use of the view in its decorator only calls it and returns the result, or hands it on to wraps()."""
    parent = file.parent(name)
    if isinstance(parent, cst.Arg):
        call = file.parent(parent)
        assert call is not None
        called = call.func if isinstance(call, cst.Call) else call
        last = called.attr if isinstance(called, cst.Attribute) else called
        known = ("wraps", "update_wrapper", "iscoroutinefunction", "ensure_sync")
        if not isinstance(last, cst.Name) or last.value not in known:
            return False
        return last.value != "ensure_sync" or _is_returned(file, file.parent(call))
    if isinstance(parent, cst.Return):
        return True
    return isinstance(parent, cst.Call) and parent.func is name and _is_returned(file, parent)


def _is_returned(file: File, node: cst.CSTNode | None) -> bool:
    parent = file.parent(node) if node is not None else None
    if isinstance(parent, cst.Await):
        parent = file.parent(parent)
    return isinstance(parent, cst.Return)
