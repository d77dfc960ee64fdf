"""``flask.Flask`` becomes ``WebServer`` where it is called or subclassed, and nowhere else.

Annotations, ``isinstance``, ``cast`` and the like keep ``Flask``: a WebServer is one, and code that takes any Flask
application keeps taking them.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

import libcst as cst
from libcst import metadata

from .imports import Import, with_imports
from .naming import Naming, root_of
from .source import python_files

if TYPE_CHECKING:
    from pathlib import Path

    from .source import Source

#: The names that Flask's class has.
FLASK = ("flask.Flask", "flask.app.Flask")
#: What asks for the class without making an object of it.
_ASKS = ("isinstance", "issubclass", "cast", "TypeVar", "NewType")


def files_to_swap(path: Path) -> list[Path]:
    """``path`` itself, or the Python files below it that may name the class: to parse the others is what takes long.

    Raises:
        CannotMigrate: There is no such file or folder.
    """
    return [file for file in python_files(path) if file == path or _has_to_be_parsed(file)]


def _has_to_be_parsed(file: Path) -> bool:
    try:
        return _may_name_flask(file.read_bytes())
    except OSError:
        return True  # and then it is told why it cannot be


def _may_name_flask(content: bytes) -> bool:
    return b"Flask" in content or content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


class Swap:
    """What swapping does to one file.

    Args:
        source: The file.

    Attributes:
        result: The file as it is to be, in bytes: the same if there is nothing to swap.
        notes: (line, sentence) for each use of the class that stays and may matter.
    """

    def __init__(self, source: Source) -> None:
        self.notes: list[tuple[int, str]] = []
        self.result = source.content
        if not _may_name_flask(source.content):
            return
        self._source = source
        self._naming = Naming(source, source.path.stem)
        self._parents = source.wrapper.resolve(metadata.ParentNodeProvider)
        uses = _Uses(self._naming)
        source.wrapper.visit(uses)
        made = {node for node in uses.found if self._makes_application(node)}
        for node in uses.found:
            if node not in made and (why := self._reason_to_look(node)):
                self.notes.append((source.line_of(node), f"{source.code_of(self._around(node))}: {why}"))
        for node in uses.doubtful:
            self.notes.append((source.line_of(node), f"{source.code_of(node)}: Flask has two meanings here; it stays."))
        if made:
            self.result = self._swapped(made)

    def _makes_application(self, node: cst.CSTNode) -> bool:
        parent = self._parents[node]
        if isinstance(parent, cst.Call):
            return parent.func is node
        if isinstance(parent, cst.Arg):
            above = self._parents[parent]
            return isinstance(above, cst.ClassDef) and parent in above.bases
        # Flask.__init__(self, …): in a subclass, it has to lead to the base that the class then has.
        return isinstance(parent, cst.Attribute) and self._is_in_subclass(parent)

    def _is_in_subclass(self, node: cst.CSTNode) -> bool:
        while node in self._parents:
            node = self._parents[node]
            if isinstance(node, cst.ClassDef):
                return any(self._naming.imported(base.value) in FLASK for base in node.bases)
        return False

    def _reason_to_look(self, node: cst.CSTNode) -> str:
        """Why somebody should look at a use that stays; empty for one that is only about types."""
        parent = self._parents[node]
        if isinstance(parent, cst.Attribute):
            return "a WebServer has its own. It stays."
        while not isinstance(parent, cst.BaseStatement | cst.BaseSmallStatement):
            if isinstance(parent, cst.Annotation | cst.Subscript):
                return ""
            if isinstance(parent, cst.Call) and _last_name(parent.func) in _ASKS:
                return ""
            parent = self._parents[parent]
        if isinstance(parent, cst.Import | cst.ImportFrom | cst.If):
            return ""
        return "the class is passed on. It stays; where it is called, it makes a plain Flask application."

    def _around(self, node: cst.CSTNode) -> cst.CSTNode:
        while not isinstance(node, cst.BaseStatement | cst.BaseSmallStatement):
            node = self._parents[node]
        return node.with_changes(body=cst.SimpleStatementSuite([])) if hasattr(node, "body") else node

    def _swapped(self, made: set[cst.CSTNode]) -> bytes:
        naming = self._naming
        # A name of the user's own stays what it is.
        ours = naming.is_free("WebServer") or naming.means("WebServer", "aeros_compat.WebServer")
        alias = "" if ours else "AerosWebServer"
        wanted = Import("aeros_compat", "WebServer", alias)
        change = _Replacement(made, cst.Name(alias or "WebServer"), _Imports(self._source, made).unused, wanted)
        tree = self._source.tree.visit(change)
        return (tree if change.has_import else with_imports(tree, [wanted])).bytes


class _Uses(cst.CSTVisitor):
    """Collects every use of Flask's class."""

    def __init__(self, naming: Naming) -> None:
        super().__init__()
        self.naming = naming
        self.found: list[cst.CSTNode] = []
        self.doubtful: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Import | cst.ImportFrom):
            return False
        if isinstance(node, cst.Name | cst.Attribute) and self.naming.imported(node) in FLASK:
            self.found.append(node)
            return False
        if isinstance(node, cst.Call) and self.naming.may_be(node.func, FLASK):
            self.doubtful.append(node)
        return True


class _Imports:
    """Which imports of the class nothing needs any more, once ``made`` has been replaced."""

    def __init__(self, source: Source, made: set[cst.CSTNode]) -> None:
        self.unused: set[cst.ImportAlias] = set()
        self._source = source
        self._roots = {root_of(node) for node in made}
        scopes = source.wrapper.resolve(metadata.ScopeProvider).values()
        for scope in {scope for scope in scopes if scope is not None}:
            for assignment in scope.assignments:
                if isinstance(assignment, metadata.ImportAssignment):
                    self._look_at(assignment)

    def _look_at(self, assignment: metadata.ImportAssignment) -> None:
        references = {root_of(access.node) for access in assignment.references}
        if not references or not references <= self._roots:
            return
        # "noqa" beside an import says that other files take the class from here.
        line = self._source.wrapper.resolve(metadata.ParentNodeProvider)[assignment.node]
        if "noqa" in self._source.tree.code_for_node(line):
            return
        statement = assignment.node
        if not isinstance(statement, cst.Import | cst.ImportFrom) or isinstance(statement.names, cst.ImportStar):
            return
        for alias in statement.names:
            if (alias.evaluated_alias or alias.evaluated_name) == assignment.name:
                self.unused.add(alias)


class _Replacement(cst.CSTTransformer):
    def __init__(self, made: set[cst.CSTNode], name: cst.Name, unused: set[cst.ImportAlias], wanted: Import) -> None:
        super().__init__()
        self.made = made
        self.name = name
        self.unused = unused
        self.wanted = wanted
        #: Whether the import that is wanted stands where one of Flask's stood alone.
        self.has_import = False

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        if original_node in self.made:
            kept = {"lpar": original_node.lpar, "rpar": original_node.rpar}
            return self.name.with_changes(**kept)
        if isinstance(original_node, cst.Import | cst.ImportFrom):
            return self._without_unused(original_node)
        return super().on_leave(original_node, updated_node)

    def _without_unused(self, statement: cst.Import | cst.ImportFrom) -> cst.BaseSmallStatement:
        if isinstance(statement.names, cst.ImportStar):
            return statement
        kept = [alias for alias in statement.names if alias not in self.unused]
        if len(kept) == len(statement.names):
            return statement
        if not kept:
            self.has_import = True
            return self.wanted.statement()
        kept[-1] = kept[-1].with_changes(comma=statement.names[-1].comma)
        return statement.with_changes(names=kept)


def _last_name(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        node = node.attr
    return node.value if isinstance(node, cst.Name) else ""
