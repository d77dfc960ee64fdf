"""What a view may do with a response of requests, so that one of httpx does the same; and how exceptions are called."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from ..uses import uses_of

if TYPE_CHECKING:
    from ..plan import Edit
    from ..view import View

_SAME = ("status_code", "content", "headers")
_RAISING = "raise_for_status"
#: Exceptions of httpx for those of requests.
_EXCEPTIONS = {
    "RequestException": "httpx.HTTPError, httpx.InvalidURL",
    "Timeout": "httpx.TimeoutException",
    "HTTPError": "httpx.HTTPStatusError",
}
_OF_REQUESTS = ("requests.exceptions.", "requests.")


@dataclass
class Changes:
    """What has to change around a call, if nothing is found that differs."""

    edits: dict[cst.CSTNode, Edit] = field(default_factory=dict)
    harmless: set[cst.CSTNode] = field(default_factory=set)


def why_response_differs(view: View, call: cst.Call, changes: Changes) -> str:
    """Why something is not known to be equal; empty, with what has to change added to ``changes``, if all is."""
    above = view.file.parent(call)
    if isinstance(above, cst.Attribute):
        uses: list[cst.CSTNode] = [call]
    elif isinstance(above, cst.Assign) and len(above.targets) == 1 and isinstance(above.targets[0].target, cst.Name):
        target = above.targets[0].target
        if len(view.judge.values.local.values[target.value]) != 1:
            return f"{target.value} is set several times"
        uses = [use for use in uses_of(view.function.node, target.value) if use is not target]
    else:
        return "what becomes of the response cannot be told"
    whys = [why for use in uses if (why := _why_use_differs(view, use))]
    whys += [why for node in (call, *uses) if (why := _why_handled_differently(view, node, uses, changes))]
    if not whys:
        for use in uses:
            _take_over(view, use, changes)
    return whys[0] if whys else ""


def _why_use_differs(view: View, use: cst.CSTNode) -> str:
    attribute = view.file.parent(use)
    if not isinstance(attribute, cst.Attribute):
        return f"the response is handed on (line {view.line(use)})"
    name, above = attribute.attr.value, view.file.parent(attribute)
    if name in (*_SAME, "ok"):
        return ""
    is_called = isinstance(above, cst.Call) and above.func is attribute and not above.args
    if name == "json" and is_called:
        return ""
    if name == _RAISING and is_called and isinstance(use, cst.Name) and _line_of(view, above) is not None:
        return ""
    return f"response.{name} is not known to be the same in httpx (line {view.line(use)})"


def _line_of(view: View, call: cst.CSTNode | None) -> cst.SimpleStatementLine | None:
    """The line that consists of the call alone."""
    part = view.file.parent(call) if call is not None else None
    line = view.file.parent(part) if isinstance(part, cst.Expr) else None
    return line if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None


def _take_over(view: View, use: cst.CSTNode, changes: Changes) -> None:
    attribute = view.file.parent(use)
    assert isinstance(attribute, cst.Attribute)
    above = view.file.parent(attribute)
    if isinstance(above, cst.Call) and above.func is attribute:
        changes.harmless.add(above)
    if attribute.attr.value == "ok":
        changes.edits[attribute] = _not_error
    elif attribute.attr.value == _RAISING:
        line = _line_of(view, above)
        assert line is not None
        changes.edits[line] = lambda updated: _if_error(view, updated)


def _not_error(updated: cst.Attribute) -> cst.UnaryOperation:
    """``.ok`` is a status below 400; httpx's ``is_success`` is one from 200 to 299."""
    test = updated.with_changes(attr=cst.Name("is_error"), lpar=[], rpar=[])
    return cst.UnaryOperation(cst.Not(), test, lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _if_error(view: View, updated: cst.SimpleStatementLine) -> cst.If:
    """httpx also raises for the redirects that are left, such as 304."""
    call = cst.ensure_type(cst.ensure_type(updated.body[0], cst.Expr).value, cst.Call)
    test = cst.ensure_type(call.func, cst.Attribute).with_changes(attr=cst.Name("is_error"))
    body = view.block(updated.with_changes(leading_lines=[]))
    return cst.If(test, body, leading_lines=updated.leading_lines)


def _why_handled_differently(view: View, node: cst.CSTNode, uses: list[cst.CSTNode], changes: Changes) -> str:
    """Why an exception from here might be handled otherwise by a ``try`` around it."""
    attribute = view.file.parent(node) if node in uses else None
    is_json = isinstance(attribute, cst.Attribute) and attribute.attr.value == "json" and isinstance(node, cst.Name)
    inner: cst.CSTNode = node
    for above in view.file.ancestors(node):
        if above is view.function.node:
            break
        if isinstance(above, cst.TryStar):
            return "except* is not known to catch the same"
        if isinstance(above, cst.Try) and inner is above.body:
            for handler in above.handlers:
                if why := _why_handler_differs(view, handler, is_json, changes):
                    return why
        inner = above
    return ""


def _instead(new: cst.BaseExpression, updated: cst.BaseExpression) -> cst.BaseExpression:
    return new


def _why_handler_differs(view: View, handler: cst.ExceptHandler, is_json: bool, changes: Changes) -> str:
    if handler.type is None:
        return ""
    where = f"line {view.line(handler)}"
    builtin = view.naming.builtin(handler.type)
    if builtin in ("Exception", "BaseException") and handler.name is None:
        return ""
    if is_json:
        is_same = builtin in ("ValueError", "KeyError", "TypeError")
        return "" if is_same else f"what .json() raises is another exception ({where})"
    name = view.naming.imported(handler.type) or ""
    for module in _OF_REQUESTS:
        if name.startswith(module) and (twin := _EXCEPTIONS.get(name.removeprefix(module))) and handler.name is None:
            # The old one stays: what is left on the thread there raises it.
            both = cst.parse_expression(f"({view.source.code_of(handler.type)}, {twin})")
            changes.edits[handler.type] = functools.partial(_instead, both)
            return ""
    return f"what is caught there is not known to have a counterpart ({where})"
