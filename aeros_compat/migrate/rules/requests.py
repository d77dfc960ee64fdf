"""``requests.get(…)`` becomes the same call of an ``httpx.AsyncClient``, if all around it is known to be equal.

httpx is no drop-in (https://www.python-httpx.org/compatibility/): here redirects are followed and no timeout is set, as
requests has it, and only arguments, attributes and exceptions are taken over that mean the same. All else is left to
the thread: ``.text`` guesses encodings differently, ``None`` among headers and parameters is dropped by requests alone,
``params=`` replaces the query that a URL has. What stays different: the ``User-Agent``; ``.netrc`` and
``REQUESTS_CA_BUNDLE``, which httpx does not read; and URLs with control characters, which it refuses.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import libcst as cst

from ..imports import Import
from ..rule import Rule
from .requests_arguments import changed_arguments
from .requests_response import Changes, why_response_differs

if TYPE_CHECKING:
    from ..view import View

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_FRAMES = cst.Lambda | cst.FunctionDef | cst.ListComp | cst.SetComp | cst.DictComp | cst.GeneratorExp
#: Where the application answers for requests' exceptions, or for those that they are derived from.
_HANDLERS = re.compile(rb"error_?handler\(\s*(?:requests\b|RequestException|HTTPError|OSError|IOError|ValueError)")


def _statement(view: View, statement: cst.CSTNode) -> str | None:
    if not isinstance(statement, cst.SimpleStatementLine):
        return ""
    calls = _calls(view, statement)
    if not calls:
        return ""
    for path in view.project.matching(_HANDLERS):
        return f"an error handler in {path.name} may be meant for an exception of requests"
    changes = Changes()
    arguments: dict[cst.Call, list[cst.Arg]] = {}
    for call in calls:
        changed = changed_arguments(view, call, _method(view, call))
        if isinstance(changed, str):
            return changed
        arguments[call] = changed
        if why := why_response_differs(view, call, changes):
            return why
    if not view.uses(Import("httpx")):
        return "the name httpx means something else in this file"
    client = view.free_name("client")
    view.plan.edits |= changes.edits
    view.judge.harmless |= changes.harmless
    for call, args in arguments.items():
        func = cst.parse_expression(f"{client}.{_method(view, call)}")
        view.await_call(call, functools.partial(_with_function, func=func, args=args))
        view.done(call, RULE.name, f"{view.source.code_of(call)} → await httpx.AsyncClient(…).{_method(view, call)}(…)")
    view.plan.edit(statement, lambda updated: _with_client(view, updated, client))
    view.plan_line(statement)
    return None


def _calls(view: View, node: cst.CSTNode) -> list[cst.Call]:
    if isinstance(node, _FRAMES):
        return []
    found = [node] if isinstance(node, cst.Call) and _method(view, node) in _METHODS else []
    return found + [call for child in node.children for call in _calls(view, child)]


def _method(view: View, call: cst.Call) -> str:
    name = view.naming.imported(call.func) or ""
    for module in ("requests.api.", "requests."):
        if name.startswith(module):
            return name.removeprefix(module)
    return ""


def _with_function(call: cst.Call, func: cst.BaseExpression, args: list[cst.Arg]) -> cst.Call:
    return call.with_changes(func=func, args=args)


def _with_client(view: View, line: cst.SimpleStatementLine, client: str) -> cst.With:
    made = cst.parse_expression("httpx.AsyncClient(follow_redirects=True, timeout=None)")
    item = cst.WithItem(made, cst.AsName(cst.Name(client)))
    body = view.block(line.with_changes(leading_lines=[]))
    return cst.With([item], body, asynchronous=cst.Asynchronous(), leading_lines=line.leading_lines)


RULE = Rule("requests", "requests.get(…) and its kin → httpx.AsyncClient", ("httpx",), statement=_statement)
