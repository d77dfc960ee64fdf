"""What a name in a file stands for, as far as imports and scopes prove it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst
from libcst import metadata
from libcst.metadata import QualifiedNameSource

if TYPE_CHECKING:
    from collections.abc import Collection

    from .source import Source


class Naming:
    """The qualified names of one file. A name with two meanings has none here."""

    def __init__(self, source: Source, module: str) -> None:
        self._scopes = source.wrapper.resolve(metadata.ScopeProvider)
        self._package = module.split(".") if source.path.name == "__init__.py" else module.split(".")[:-1]
        self._module = module

    def imported(self, node: cst.CSTNode) -> str | None:
        """The full name of what has been imported (``requests.get``), with relative imports resolved."""
        name = self._only(node, QualifiedNameSource.IMPORT)
        return name and self._absolute(name)

    def builtin(self, node: cst.CSTNode) -> str | None:
        """``open`` for Python's own ``open``."""
        name = self._only(node, QualifiedNameSource.BUILTIN)
        return name and name.removeprefix("builtins.")

    def own(self, node: cst.CSTNode) -> str | None:
        """The full name of what this file or another of the project defines, in a module or a class."""
        name = self._only(node, QualifiedNameSource.LOCAL)
        if name is None:
            return self.imported(node)
        return None if "<locals>" in name else f"{self._module}.{name}"

    def may_be(self, node: cst.CSTNode, names: tuple[str, ...]) -> bool:
        """Whether ``node`` stands for one of ``names`` and for something else as well."""
        found = {name.name for name in self._all_names(node)} if is_chain(node) else set()
        return len(found) > 1 and not found.isdisjoint(names)

    def is_free(self, name: str) -> bool:
        """Whether ``name`` has no meaning anywhere in the file."""
        return not any(
            access.node.value == name if isinstance(access.node, cst.Name) else False
            for scope in self._all_scopes()
            for access in scope.accesses
        ) and not any(name in {a.name for a in scope.assignments} for scope in self._all_scopes())

    def means(self, name: str, qualified: str) -> bool:
        """Whether ``name``, wherever the file has it, is what an import at its top calls so."""
        found = False
        for scope in self._all_scopes():
            for assignment in scope.assignments:
                if assignment.name != name:
                    continue
                names = {each.name for each in assignment.get_qualified_names_for(name)}
                is_import = isinstance(assignment, metadata.ImportAssignment)
                if names != {qualified} or not is_import or not isinstance(scope, metadata.GlobalScope):
                    return False
                found = True
        return found

    def _all_scopes(self) -> set[metadata.Scope]:
        return {scope for scope in self._scopes.values() if scope is not None}

    def _all_names(self, node: cst.CSTNode) -> Collection[metadata.QualifiedName]:
        scope = self._scopes.get(node)
        return scope.get_qualified_names_for(node) if scope is not None else ()

    def _only(self, node: cst.CSTNode, source: QualifiedNameSource) -> str | None:
        if not is_chain(node):
            return None
        names = self._all_names(node)
        if len(names) != 1:
            return None
        (name,) = names
        return name.name if name.source is source else None

    def _absolute(self, name: str) -> str:
        rest = name.lstrip(".")
        level = len(name) - len(rest)
        if not level:
            return name
        return ".".join([*self._package[: len(self._package) - level + 1], rest])


def is_chain(node: cst.CSTNode) -> bool:
    """Whether ``node`` is a name with attributes: ``a.b.c``. (libcst also names ``f().b``, which is something else.)"""
    while isinstance(node, cst.Attribute):
        node = node.value
    return isinstance(node, cst.Name)


def root_of(node: cst.CSTNode) -> cst.CSTNode:
    """What a chain of attributes, subscripts and calls begins with."""
    while True:
        if isinstance(node, cst.Attribute | cst.Subscript):
            node = node.value
        elif isinstance(node, cst.Call):
            node = node.func
        else:
            return node
