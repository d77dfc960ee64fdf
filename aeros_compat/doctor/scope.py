"""The names of a function, and what its expressions are known to be."""

from __future__ import annotations

import ast
import builtins
import sys
from pathlib import PurePath
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .blocking import result_class
from .values import ROUTINES, Instance, Known, Method, attribute_of, is_a

if TYPE_CHECKING:
    from .source import FunctionNode
    from .values import Value


class Scope:
    """A function's variables. Assignments are followed in the order in which they stand, not through branches."""

    def __init__(self, module: dict[str, Any], names: dict[str, Value], outer: Scope | None = None) -> None:
        self.names = names
        self._module = module
        self._outer = outer

    @classmethod
    def of_function(cls, function: FunctionType, node: FunctionNode, owner: type | None) -> Scope:
        """The scope of a function that exists; ``owner`` is the class that a method is called on."""
        scope = cls.of_node(node, cls(function.__globals__, _closure_of(function)))
        first = next(iter([*node.args.posonlyargs, *node.args.args]), None)
        if owner is not None and first is not None:
            scope.names[first.arg] = Known(owner) if first.arg == "cls" else Instance(owner)
        return scope

    @classmethod
    def of_node(cls, node: FunctionNode, outer: Scope) -> Scope:
        """The scope of a function that is not there yet, inside of another one. Arguments are what annotations say."""
        scope = cls(outer._module, dict.fromkeys(_names_bound_in(node)), outer)
        for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
            if argument.annotation is not None:
                scope.names[argument.arg] = annotated(argument.annotation, outer)
        return scope

    def lookup(self, name: str) -> Value:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope._outer
        for namespace in (self._module, vars(builtins)):
            if name in namespace:
                return Known(namespace[name])
        return None

    def value(self, node: ast.expr) -> Value:
        """What an expression is known to be."""
        match node:
            case ast.Name(id=name):
                return self.lookup(name)
            case ast.Attribute(value=inner, attr=name):
                return attribute_of(self.value(inner), name)
            case ast.Call(func=func):
                return self.result_of(self.value(func))
            case ast.NamedExpr(value=inner):
                return self.value(inner)
            case ast.BinOp(left=left, op=ast.Div()):
                value = self.value(left)
                cls = type(value.object) if isinstance(value, Known) else getattr(value, "cls", object)
                return Instance(cls) if issubclass(cls, PurePath) else None
        return None

    def result_of(self, callee: Value) -> Value:
        """What a call gives."""
        cls = result_class(called(callee))
        if cls is not None:
            return Instance(cls)
        if isinstance(callee, Known) and is_a(callee.object, type):
            return Instance(callee.object)
        function = callee.object if isinstance(callee, Known) else getattr(callee, "function", None)
        return _returned(function, callee) if is_a(function, FunctionType) else None

    def bind_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """What an import inside of a function binds, if the module is there already: nothing is imported here."""
        package = self._module.get("__package__") or ""
        for alias in node.names:
            if isinstance(node, ast.Import):
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                self.names[alias.asname or name] = Known(sys.modules[name]) if name in sys.modules else None
                continue
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            name = ".".join(filter(None, (base, node.module)))
            found = attribute_of(Known(sys.modules[name]), alias.name) if name in sys.modules else None
            self.names[alias.asname or alias.name] = found


def called(callee: Value) -> Value:
    """The function behind a callable object: ``__call__`` of its class."""
    if isinstance(callee, Instance):
        return attribute_of(callee, "__call__")
    if isinstance(callee, Known) and not is_a(callee.object, type, *ROUTINES):
        return attribute_of(callee, "__call__")
    return callee


def annotated(node: ast.expr, scope: Scope) -> Value:
    """An object of the class that an annotation names, if it does: ``Session``, ``"Session"``, ``Session | None``."""
    match node:
        case ast.Constant(value=str(text)):
            try:
                return annotated(ast.parse(text, mode="eval").body, scope)
            except SyntaxError:
                return None
        case ast.Subscript(value=inner):
            return annotated(inner, scope)
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return annotated(left, scope)
    value = scope.value(node)
    return Instance(value.object) if isinstance(value, Known) and is_a(value.object, type) else None


def _returned(function: Any, callee: Value) -> Value:
    """What the annotation of a function says that it returns; what its coroutine gives is not known here."""
    hint = function.__annotations__.get("return")
    if isinstance(hint, type):
        return Instance(hint) if hint is not type(None) else None
    if not isinstance(hint, str):
        return None
    if hint == "Self" and isinstance(callee, Method):
        return Instance(callee.owner)
    return annotated(ast.Constant(hint), Scope(function.__globals__, {}))


def _closure_of(function: FunctionType) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = Known(cell.cell_contents)
        except ValueError:  # nothing has been assigned to it yet
            found[name] = None
    return found


def _names_bound_in(node: FunctionNode) -> set[str]:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    names = {argument.arg for argument in arguments if argument is not None}
    declared: set[str] = set()
    pending: list[ast.AST] = list(node.body)
    while pending:
        inner = pending.pop()
        if isinstance(inner, ast.Global | ast.Nonlocal):
            declared.update(inner.names)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            names.add(inner.id)
        elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(inner.name)
            continue
        elif isinstance(inner, ast.Lambda):
            continue
        pending.extend(ast.iter_child_nodes(inner))
    return names - declared
