"""Judges, call by call, what may run on the event loop. What nothing proves to be harmless belongs on the thread.

A sync view runs on one thread from beginning to end. Whatever it does may wait, or depend on that thread, as a
connection of sqlite3 does; so the burden of proof is on the side of the event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from .functions import names_from_url
from .knowledge import (
    BODY,
    BODY_WHY,
    HARMLESS,
    HARMLESS_BUILTINS,
    HEADERS_METHODS,
    ITERATING,
    ITERATING_METHODS,
    ITERATING_MODULES,
    LOADING,
    PLAIN_METHODS,
    READING,
    RESPONSE_METHODS,
    RESPONSES,
    is_listed,
    why_waiting,
)
from .naming import is_chain, root_of
from .unpacking import why_expression
from .values import Values

if TYPE_CHECKING:
    from .court import Court
    from .project import File, Function

_COMPREHENSIONS = cst.ListComp | cst.SetComp | cst.DictComp | cst.GeneratorExp


class Piece(NamedTuple):
    """A part of an expression that belongs on the thread, and why."""

    node: cst.CSTNode
    why: str


class Judge:
    """Judges the code of one function."""

    def __init__(self, court: Court, file: File, function: Function, is_view: bool) -> None:
        self.court = court
        self.file = file
        self.function = function
        #: Calls that a rule has found to be harmless.
        self.harmless: set[cst.CSTNode] = set()
        self.from_url = names_from_url(function.node) if is_view else frozenset()
        self.values = Values(
            file, function.node, self.from_url, lambda call: self._why_whole_call(call) is None, self._gives_plain
        )

    @property
    def has_orm(self) -> bool:
        return self.court.project.has_orm

    def pieces(self, node: cst.CSTNode) -> list[Piece]:
        """What of ``node`` belongs on the thread, the outermost first. Functions defined inside run when called."""
        found: list[Piece] = []
        self._look_through(node, found)
        return found

    def _look_through(self, node: cst.CSTNode, found: list[Piece]) -> None:
        if isinstance(node, cst.Lambda):
            node = node.params  # defaults are evaluated where it stands
        if isinstance(node, cst.FunctionDef | cst.ClassDef | cst.Annotation):
            return
        if why := self._why(node):
            found.append(Piece(node, why))
        for child in node.children:
            self._look_through(child, found)

    def _why(self, node: cst.CSTNode) -> str | None:
        if why := why_expression(self, node):
            return why
        if isinstance(node, cst.Call):
            return self._why_whole_call(node)
        if isinstance(node, cst.Attribute):
            return self.why_attribute(node)
        if isinstance(node, _COMPREHENSIONS):
            return self._why_comprehension(node)
        if isinstance(node, cst.With):
            return next((why for item in node.items if (why := self.why_manager(item.item))), None)
        if isinstance(node, cst.For):
            return self.why_iterating(node.iter)
        return None

    def why_manager(self, item: cst.BaseExpression) -> str | None:
        """Why entering a context manager may wait, or keep something that must not be held while waiting."""
        if isinstance(item, cst.Call):
            name = self.file.naming.imported(item.func)
            if name is not None and is_listed(name, HARMLESS):
                return None
        return "nothing is known of this context manager, which may wait, or must not be held while others run"

    def why_iterating(self, node: cst.BaseExpression) -> str | None:
        if self.values.is_plain(node):
            return None
        return "each step of this loop may wait, or belong to the thread"

    def _why_comprehension(self, node: cst.CSTNode) -> str | None:
        if not self.values.is_plain(cst.GeneratorExp(cst.Name("None"), node.for_in)):  # type: ignore[attr-defined]
            return "each step of this loop may wait, or belong to the thread"
        inner = [piece for child in node.children for piece in self.pieces(child)]
        return inner[0].why if inner else None

    def _why_whole_call(self, call: cst.Call) -> str | None:
        """Why a call, or what it may call of its arguments, belongs on the thread."""
        is_later = self.file.naming.imported(call.func) == "flask.after_this_request"
        return self.why_call(call) or (None if is_later else self._why_arguments(call))

    def _why_arguments(self, call: cst.Call) -> str | None:
        """A harmless function that is handed one which is not may call it."""
        for arg in call.args:
            value = arg.value
            inner = self.pieces(value.body) if isinstance(value, cst.Lambda) else []
            if isinstance(value, cst.GeneratorExp):
                inner = self.pieces(value)
            if inner:
                return inner[0].why
            if is_chain(value) and (why := self._why_called(value)):
                return why
        return None

    def _why_called(self, value: cst.BaseExpression) -> str | None:
        """Why a function of the project's own, which is handed on, may wait when it is called."""
        if function := self._helper(value):
            return self.court.why_function(function)
        inner = self.values.local.functions.get(value.value) if isinstance(value, cst.Name) else None
        pieces = self.pieces(inner.body) if inner is not None else []
        return pieces[0].why if pieces else None

    def why_attribute(self, node: cst.Attribute) -> str | None:
        """Why reading or setting an attribute may wait."""
        if self.court.objects.maker(self.file, node.value) == "threading.local":
            return "what is kept by thread belongs to the thread of the request"
        why = self.court.waiting_properties.get(node.attr.value)
        if why and not self.values.is_plain(node.value):
            return why
        parent = self.file.parent(node)
        if isinstance(parent, cst.Call) and parent.func is node:
            return None
        name = self.file.naming.imported(node)
        if name is not None:
            if is_listed(name, BODY):
                return BODY_WHY
            for loading, why in LOADING.items():
                if name.startswith(f"{loading}."):
                    return why
            if name.count(".") < 3 or not name.startswith("flask.g."):
                return None
        root = root_of(node)
        if not self.has_orm or (isinstance(root, cst.Name) and root.value in ("self", "cls")):
            return None
        if isinstance(parent, cst.Attribute) and is_chain(parent) and name is None and self._is_module(root):
            return None
        return None if self.values.is_plain(node.value) else "the attribute may be loaded from the database"

    def _is_module(self, root: cst.CSTNode) -> bool:
        return self.file.naming.imported(root) is not None

    def why_call(self, call: cst.Call) -> str | None:
        """Why a call belongs on the thread; None if it is known to be harmless on the event loop."""
        func, naming = call.func, self.file.naming
        if call in self.harmless:
            return None
        if builtin := naming.builtin(func):
            return self._why_builtin(builtin, call)
        if function := self._helper(func):
            return self.court.why_function(function)
        name = naming.own(func)
        if name and (found := self.court.project.class_(name)):
            return self.court.why_class(*found)
        if imported := naming.imported(func):
            return self._why_imported(imported, call)
        if isinstance(func, cst.Name) and func.value in self.values.local.functions:
            return self._why_called(func)
        if isinstance(func, cst.Attribute):
            return self._why_method(func, call)
        return self._why_raised(call)

    def _helper(self, func: cst.BaseExpression) -> Function | None:
        """The function of the project that is called: of a module, or a method of one's own class."""
        if isinstance(func, cst.Attribute) and isinstance(func.value, cst.Name) and func.value.value in ("self", "cls"):
            prefix = self.function.name.rpartition(".")[0]
            return self.file.functions.get(f"{prefix}.{func.attr.value}") if prefix else None
        name = self.file.naming.own(func)
        return self.court.project.function(name) if name else None

    def helper_of(self, call: cst.Call) -> Function | None:
        return self._helper(call.func)

    def helper_named(self, node: cst.BaseExpression) -> Function | None:
        """The function of the project that is handed on, by its name."""
        return self._helper(node) if is_chain(node) else None

    def _gives_plain(self, call: cst.Call) -> bool:
        function = self._helper(call.func)
        return function is not None and self.court.gives_plain(function)

    def _why_builtin(self, name: str, call: cst.Call) -> str | None:
        if name in ("getattr", "hasattr", "setattr") and (self.has_orm or self.court.waiting_properties):
            return None if self.values.is_plain(call.args[0].value) else f"{name}() may run what is behind an attribute"
        if name in HARMLESS_BUILTINS:
            return None
        if name in ITERATING:
            if all(self.values.is_plain(arg.value) for arg in call.args):
                return None
            return f"{name}() runs what is behind its argument"
        return why_waiting(name) or f"{name}() may wait"

    def _why_imported(self, name: str, call: cst.Call) -> str | None:
        if any(name == body or name.startswith(f"{body}.") for body in BODY):
            return BODY_WHY
        if is_listed(name, READING) or is_listed(name, ITERATING_MODULES):
            if all(self.values.is_plain(arg.value) for arg in call.args):
                return None
            return f"{name}() runs what is behind its argument"
        if is_listed(name, HARMLESS):
            return None
        for loading, why in LOADING.items():
            if name.startswith(f"{loading}."):
                return why
        return why_waiting(name) or self._why_raised(call)

    def _why_method(self, func: cst.Attribute, call: cst.Call) -> str | None:
        if func.attr.value in PLAIN_METHODS or _is_of_text(func, call):
            return None
        if self.court.objects.maker(self.file, func.value) == "contextvars.ContextVar":
            return None  # a token can be given back in the context alone in which the value was set
        if self._writes_headers(func):
            return None
        if self.values.is_plain(func.value):
            if func.attr.value not in ITERATING_METHODS or all(self.values.is_plain(arg.value) for arg in call.args):
                return None
            return f".{func.attr.value}() runs what is behind its argument"
        return f"nothing proves that .{func.attr.value}() does not wait"

    def _writes_headers(self, func: cst.Attribute) -> bool:
        """``response.set_cookie(…)`` and ``response.headers.add(…)`` of a response that the function has made."""
        response, methods = func.value, RESPONSE_METHODS
        if isinstance(response, cst.Attribute) and response.attr.value == "headers":
            response, methods = response.value, HEADERS_METHODS
        if func.attr.value not in methods or not isinstance(response, cst.Name):
            return False
        made = self.values.local.values.get(response.value, [None])
        return all(
            isinstance(value, cst.Call) and self.file.naming.imported(value.func) in RESPONSES for value in made
        ) and not self.values.is_parameter(response.value)

    def _why_raised(self, call: cst.Call) -> str | None:
        """What is raised is made on the spot; of all else nothing is known."""
        if isinstance(self.file.parent(call), cst.Raise):
            return None
        return f"nothing is known of {self.file.source.code_of(call.func, 40)}()"


def _is_of_text(func: cst.Attribute, call: cst.Call) -> bool:
    """``text.encode()`` and ``data.decode("ascii")``; a model's ``encode`` would be given something."""
    codecs = [arg.value for arg in call.args]
    return func.attr.value in ("encode", "decode") and all(isinstance(codec, cst.SimpleString) for codec in codecs)
