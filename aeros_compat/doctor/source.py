"""Where code stands: files, lines, and the syntax trees of functions. Nothing is executed."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import sys
import tokenize
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file; the first has the number 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def place_at(file: str, line: int) -> Place:
    """A place whose file is named as seen from the current directory, if it lies below it."""
    relative = os.path.relpath(file)
    return Place(file if relative.startswith(os.pardir) else relative, line)


def place_of(function: Callable[..., Any] | type) -> Place | None:
    """Where a function or a class is defined; None if it is not written in Python."""
    if isinstance(function, functools.partial):
        return place_of(function.func)
    if inspect.ismethod(function):
        function = function.__func__
    if isinstance(function, FunctionType):
        return place_at(function.__code__.co_filename, function.__code__.co_firstlineno)
    cls = function if isinstance(function, type) else type(function)
    module = sys.modules.get(cls.__module__)
    file = str(getattr(module, "__file__", None) or "")
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            return place_at(file, node.lineno)
    return None


def name_of_function(function: Any) -> str:
    """The name that ``aeros-compat asyncify`` takes: ``shop/views.py::Item::get``. Empty if it has none.

    A function that is defined inside of another one has none, nor has one that is not written in Python.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or "<" in code.co_qualname:
        return ""
    return f"{place_at(code.co_filename, 1).file}::{code.co_qualname.replace('.', '::')}"


@functools.cache
def tree_of(file: str) -> ast.Module:
    """The syntax tree of a file; an empty one if it is not Python, or not there."""
    try:
        with tokenize.open(file) as text:
            return ast.parse(text.read())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


@functools.cache
def _functions_in(file: str) -> dict[tuple[int, str], FunctionNode]:
    """All functions of a file, by what code objects know of them: first line (a decorator's, perhaps) and name."""
    return {
        (min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]), node.name): node
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def definition_of(function: FunctionType) -> FunctionNode | None:
    """The ``def`` of a function; None if its file is not there, or has been changed since."""
    code = function.__code__
    return _functions_in(code.co_filename).get((code.co_firstlineno, code.co_name))


def assignment_in(module: ModuleType, name: str) -> Place | None:
    """The line of a module that binds a name at its top level."""
    file = module.__file__
    for statement in tree_of(file).body if file else ():
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
                return place_at(file or "", node.lineno)
    return None
