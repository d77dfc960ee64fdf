"""What can be read off the syntax of a function."""

from __future__ import annotations

import re

import libcst as cst

_FUNCTIONS = cst.FunctionDef | cst.Lambda | cst.ClassDef
#: A part of a rule with one of Werkzeug's own converters.
_URL_PART = re.compile(r"<(?:(?:string|int|float|path|uuid|any)(?:\([^)]*\))?:)?(\w+)>")


def is_generator(function: cst.FunctionDef) -> bool:
    """Whether calling the function gives a generator."""
    return bool(own_nodes(function.body, cst.Yield))


def returned_by(function: cst.FunctionDef) -> list[cst.BaseExpression | None]:
    return [cst.ensure_type(node, cst.Return).value for node in own_nodes(function.body, cst.Return)]


def own_nodes(node: cst.CSTNode, kind: type[cst.CSTNode]) -> list[cst.CSTNode]:
    """The nodes of a kind in ``node``, but not in functions inside it."""
    found = [node] if isinstance(node, kind) else []
    for child in node.children:
        if not isinstance(child, _FUNCTIONS):
            found.extend(own_nodes(child, kind))
    return found


def names_from_url(function: cst.FunctionDef) -> frozenset[str]:
    """The arguments that a route of a view fills with text and numbers. Converters of one's own may give anything."""
    found: set[str] = set()
    for decorator in function.decorators:
        call = decorator.decorator
        if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.args:
            rule = call.args[0].value
            if call.func.attr.value in ("route", "get", "post", "put", "patch", "delete"):
                found.update(_URL_PART.findall(rule.value) if isinstance(rule, cst.SimpleString) else ())
    return frozenset(found)


def parameters_of(function: cst.FunctionDef) -> list[cst.Param]:
    params = function.params
    stars = [star for star in (params.star_arg, params.star_kwarg) if isinstance(star, cst.Param)]
    return [*params.posonly_params, *params.params, *params.kwonly_params, *stars]
