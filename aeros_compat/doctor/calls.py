"""The calls that a function makes, followed through the user's own helpers as far as they can be known.

Nothing is executed: names are resolved to objects that are there already (see ``scope``), and the functions found are
read. What cannot be known is left out: an argument without annotation, an attribute that is set at run time, what
stands in ``flask.g``. A function that is handed over (``sync_to_async(f)``, ``asyncio.to_thread(f)``) is no call.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .blocking import WAIT, kind_of, waits_on_exit
from .coroutines import is_coroutine_function, operands_of
from .ownership import layers_of, runs_on_caller
from .scope import Scope, called
from .source import Place, definition_of, place_at
from .values import Getter, Instance, Known, LocalFunction, Method, is_a, is_flasks_request

if TYPE_CHECKING:
    from .blocking import Kind
    from .ownership import Ownership
    from .source import FunctionNode
    from .values import Value


@dataclass(frozen=True)
class BlockingCall:
    """A call that makes its thread wait."""

    kind: Kind
    #: As it is written: ``requests.get``.
    text: str
    place: Place
    #: The functions that lead to it, the first one first.
    path: tuple[str, ...]


@dataclass(frozen=True)
class Use:
    """A mention of an object of the user's that was looked for."""

    object: Any
    place: Place
    path: tuple[str, ...]


@dataclass(frozen=True)
class Mention:
    """A place that is noted with what is written there."""

    text: str
    place: Place
    path: tuple[str, ...]


class CallGraph:
    """Everything that is called from one function on.

    :param ownership: says which functions are followed.
    :param watched: objects whose mentions are to be noted, by their identity.
    """

    def __init__(self, ownership: Ownership, watched: frozenset[int] = frozenset()) -> None:
        self.ownership = ownership
        self.watched = watched
        self.blocking: list[BlockingCall] = []
        self.uses: list[Use] = []
        #: Coroutines that nobody awaits, and reads of the request's body through ``flask.request``.
        self.forgotten: list[Mention] = []
        self.body_reads: list[Mention] = []
        self._seen: set[tuple[int, type | None]] = set()

    def follow(self, function: Any, owner: type | None = None, path: tuple[str, ...] = ()) -> None:
        """Read a function, if it is the user's, or else what it wraps."""
        outer = function
        for layer in layers_of(function):
            if not runs_on_caller(outer, layer):
                return
            if is_a(layer, FunctionType) and self.ownership.has(layer):
                self._follow_own(layer, owner, path)
                return
            outer = layer

    def _follow_own(self, function: FunctionType, owner: type | None, path: tuple[str, ...]) -> None:
        node = definition_of(function)
        if node is None or (id(function.__code__), owner) in self._seen:
            return
        self._seen.add((id(function.__code__), owner))
        scope = Scope.of_function(function, node, owner)
        self.read(node, scope, function.__code__.co_filename, (*path, function.__qualname__))

    def follow_local(self, local: LocalFunction, file: str, path: tuple[str, ...]) -> None:
        """Read a function that is defined inside of another one. What a decorator makes of it is not known."""
        if (id(local.node), None) in self._seen or not all(map(_is_wraps, local.node.decorator_list)):
            return
        self._seen.add((id(local.node), None))
        self.read(local.node, Scope.of_node(local.node, local.scope), file, (*path, local.node.name))

    def read(self, node: FunctionNode, scope: Scope, file: str, path: tuple[str, ...]) -> None:
        reader = _Reader(self, scope, file, path, isinstance(node, ast.AsyncFunctionDef))
        for statement in node.body:
            reader.visit(statement)


class _Reader(ast.NodeVisitor):
    """Reads the body of one function, without those that it defines."""

    def __init__(self, graph: CallGraph, scope: Scope, file: str, path: tuple[str, ...], is_coroutine: bool) -> None:
        self._graph = graph
        self._scope = scope
        self._file = file
        self._path = path
        self._is_coroutine = is_coroutine
        #: Variables that hold a coroutine, with the call that has made it.
        self._coroutines: dict[str, ast.Call] = {}
        self._awaited: set[ast.expr] = set()
        #: Calls whose result is run through here: only then does a generator's body run.
        self._consumed: set[ast.expr] = set()

    def visit(self, node: ast.AST) -> None:
        for operand in operands_of(node, self._is_coroutine):
            made = self._coroutines.get(operand.id) if isinstance(operand, ast.Name) else operand
            if isinstance(made, ast.Call) and is_coroutine_function(self._scope.value(made.func)):
                self._graph.forgotten.append(self._mentioned(made.func))
        super().visit(node)

    def _mentioned(self, node: ast.expr) -> Mention:
        return Mention(ast.unparse(node), place_at(self._file, node.lineno), self._path)

    def visit_FunctionDef(self, node: FunctionNode) -> None:
        self._scope.names[node.name] = LocalFunction(node, self._scope)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - ast's name

    def visit_Lambda(self, node: ast.Lambda) -> None:
        pass

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        pass

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self._scope.bind_import(node)

    visit_ImportFrom = visit_Import  # noqa: N815 - ast's name

    def visit_Await(self, node: ast.Await) -> None:
        self._awaited.add(node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For | ast.comprehension) -> None:
        self._consumed.add(node.iter)
        self.generic_visit(node)

    visit_comprehension = visit_For

    def visit_YieldFrom(self, node: ast.YieldFrom) -> None:
        self._consumed.add(node.value)
        self.generic_visit(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        # Its first iterable is made here, the rest when somebody iterates.
        self.visit(node.generators[0].iter)
        if node in self._consumed:
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._assign(target, self._scope.value(node.value))
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Call):
                self._coroutines[target.id] = node.value

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._assign(node.target, self._scope.value(node.value))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._assign(node.target, self._scope.value(node.value))

    def _assign(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._scope.names[target.id] = value
            self._coroutines.pop(target.id, None)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            value = self._scope.value(item.context_expr)
            if isinstance(value, Instance) and waits_on_exit(value.cls):
                self._block(WAIT, item.context_expr, f"with {ast.unparse(item.context_expr)}")
        self._enter(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        self._enter(node)

    def _enter(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                # What __enter__ gives is the object itself, for every client that is known here.
                self._assign(item.optional_vars, self._scope.value(item.context_expr))
        for statement in node.body:
            self.visit(statement)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._mention(self._scope.lookup(node.id), node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.visit(node.value)
        self._look_for_body(node, _BODY)
        value = self._scope.value(node)
        if isinstance(value, Getter):
            self._graph.follow(value.function, value.owner, self._path)
        else:
            self._mention(value, node)

    def _look_for_body(self, node: ast.Attribute, names: frozenset[str]) -> None:
        if node.attr in names and is_flasks_request(self._scope.value(node.value)):
            self._graph.body_reads.append(self._mentioned(node))

    def _mention(self, value: Value, node: ast.expr) -> None:
        if isinstance(value, Known) and id(value.object) in self._graph.watched:
            self._graph.uses.append(Use(value.object, place_at(self._file, node.lineno), self._path))

    def visit_Call(self, node: ast.Call) -> None:
        callee = self._scope.value(node.func)
        if _is_join(node.func) or (isinstance(callee, Known) and any(callee.object is each for each in _CONSUMERS)):
            self._consumed.update(node.args)
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute):
            self._look_for_body(node.func, _BODY_METHODS)
        kind = kind_of(called(callee))
        if kind is not None:
            if node not in self._awaited:
                self._block(kind, node, ast.unparse(node.func))
            return
        self._follow(callee, node)

    def _block(self, kind: Kind, node: ast.expr, text: str) -> None:
        place = place_at(self._file, node.lineno)
        self._graph.blocking.append(BlockingCall(kind, " ".join(text.split()), place, self._path))

    def _follow(self, callee: Value, node: ast.Call) -> None:
        if isinstance(callee, LocalFunction):
            if node in self._consumed or not _is_generator(callee.node):
                self._graph.follow_local(callee, self._file, self._path)
            return
        function, owner = _function_of(callee)
        definition = definition_of(function) if is_a(function, FunctionType) else None
        if definition is None or node in self._consumed or not _is_generator(definition):
            self._graph.follow(function, owner, self._path)


def _function_of(callee: Value) -> tuple[Any, type | None]:
    """The function that a call runs, and the class it is called on. For a class that is its ``__init__``."""
    if isinstance(callee, Known) and is_a(callee.object, type):
        return vars(callee.object).get("__init__"), callee.object
    callee = called(callee)
    if isinstance(callee, Method):
        return callee.function, callee.owner
    return (callee.object, None) if isinstance(callee, Known) else (None, None)


def _is_generator(node: FunctionNode) -> bool:
    """Whether calling a sync function runs nothing of its body yet."""
    if isinstance(node, ast.AsyncFunctionDef):
        return False
    pending: list[ast.AST] = list(node.body)
    while pending:
        inner = pending.pop()
        if isinstance(inner, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(inner))
    return False


def _is_wraps(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).partition("(")[0].rpartition(".")[2] == "wraps"


def _is_join(func: ast.expr) -> bool:
    return isinstance(func, ast.Attribute) and func.attr == "join" and isinstance(func.value, ast.Constant)


#: What runs through an iterator that it is given.
_CONSUMERS = (list, tuple, set, frozenset, dict, sorted, sum, any, all, min, max)

#: Attributes of a request that read its body, and methods that do when they are called.
_BODY = frozenset({"data", "files", "form", "json", "stream", "values"})
_BODY_METHODS = frozenset({"get_data", "get_json"})
