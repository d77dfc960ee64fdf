"""The files around a view: where its helpers are, and who else calls them."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import libcst as cst
from libcst import metadata

from .assignments import Assignments
from .naming import Naming
from .source import CannotMigrate, Source, python_files

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Libraries whose objects load what they lack when an attribute is read.
_ORMS = re.compile(rb"^\s*(?:from|import)\s+(?:flask_)?(?:sqlalchemy|peewee|mongoengine|pony|sqlmodel)\b", re.MULTILINE)


#: What lies at the top of a project.
_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "manage.py")


class File:
    """A source file, with the functions and classes that it defines, by qualified name (``Items.get``)."""

    def __init__(self, path: Path, module: str) -> None:
        self.source = Source(path)
        self.module = module
        self.functions: dict[str, Function] = {}
        self.classes: dict[str, cst.ClassDef] = {}
        self._collect(self.source.tree.body, "", None)

    def _collect(self, body: object, prefix: str, cls: cst.ClassDef | None) -> None:
        for node in body if isinstance(body, list | tuple) else ():
            if isinstance(node, cst.FunctionDef):
                name = prefix + node.name.value
                self.functions[name] = Function(self, node, name, cls)
            elif isinstance(node, cst.ClassDef):
                self.classes[prefix + node.name.value] = node
                self._collect(node.body.body, f"{prefix}{node.name.value}.", node)
            elif isinstance(node, cst.If | cst.Try):
                self._collect(node.body.body, prefix, cls)

    @cached_property
    def naming(self) -> Naming:
        return Naming(self.source, self.module)

    @cached_property
    def assignments(self) -> Assignments:
        """What the names of the module are set to, anywhere at its top level."""
        return Assignments(self.source.tree)

    @cached_property
    def named(self) -> dict[str, list[cst.Name | cst.Attribute]]:
        """Names and attributes in the file, other than in imports, by their last part."""
        names = _Names()
        self.source.tree.visit(names)
        return names.found

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self.source.wrapper.resolve(metadata.ParentNodeProvider).get(node)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """What encloses ``node``, from the inside."""
        above = self.parent(node)
        while above is not None:
            yield above
            above = self.parent(above)


@dataclass(frozen=True, eq=False)
class Function:
    """A function of a module, or a method of a class, where it is defined."""

    file: File
    node: cst.FunctionDef
    name: str
    cls: cst.ClassDef | None

    @property
    def full_name(self) -> str:
        return f"{self.file.module}.{self.name}"

    @property
    def is_async(self) -> bool:
        return self.node.asynchronous is not None


@dataclass(frozen=True)
class Reference:
    """A place where a function is named: called, or handed on."""

    file: File
    node: cst.CSTNode
    caller: Function | None

    @property
    def call(self) -> cst.Call | None:
        above = self.file.parent(self.node)
        return above if isinstance(above, cst.Call) and above.func is self.node else None

    @property
    def place(self) -> str:
        return f"{self.file.source.path}:{self.file.source.line_of(self.node)}"


class Project:
    """The package, or the folder, that a file belongs to. Files are parsed when they are asked for."""

    def __init__(self, path: Path) -> None:
        folder = path.resolve().parent
        while (folder / "__init__.py").exists():
            folder = folder.parent
        #: Where imports begin.
        self.root = folder
        marked = (above for above in (folder, *folder.parents) if any((above / mark).exists() for mark in _MARKS))
        #: Where callers are looked for: tests too, which are often beside the package.
        self._searched = next(marked, folder)
        self._files: dict[str, File | None] = {}
        self._references: dict[Function, list[Reference]] = {}

    def file_at(self, path: Path) -> File:
        """The file at ``path``, under the path as it was given.

        Raises:
            CannotMigrate: It cannot be read or parsed.
        """
        module = self._module(path.resolve())
        if module not in self._files:
            self._files[module] = File(path, module)
        file = self._files[module]
        assert file is not None
        return file

    def matching(self, pattern: re.Pattern[bytes]) -> list[Path]:
        """The files of the project in whose text ``pattern`` is found."""
        return [path for path, text in self._texts.items() if pattern.search(text)]

    @cached_property
    def _texts(self) -> dict[Path, bytes]:
        texts = {}
        for path in python_files(self._searched):
            with contextlib.suppress(OSError):  # nothing can call from a file that nobody can read
                texts[path] = path.read_bytes()
        return texts

    @cached_property
    def has_orm(self) -> bool:
        """Whether any file imports a library whose objects load attributes when they are read."""
        return bool(self.matching(_ORMS))

    def function(self, full_name: str) -> Function | None:
        """``shop.orders.find`` or ``shop.orders.Item.get``; what is imported from elsewhere is followed once more."""
        found = self._definition(full_name)
        return found if isinstance(found, Function) else None

    def class_(self, full_name: str) -> tuple[File, cst.ClassDef] | None:
        found = self._definition(full_name)
        return found if isinstance(found, tuple) else None

    def _definition(self, full_name: str) -> Function | tuple[File, cst.ClassDef] | None:
        parts = full_name.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            file = self._file(".".join(parts[:cut]))
            if file is None:
                continue
            name = ".".join(parts[cut:])
            if name in file.functions:
                return file.functions[name]
            return (file, file.classes[name]) if name in file.classes else None
        return None

    def assigned(self, full_name: str) -> tuple[File, list[cst.BaseExpression | None]] | None:
        """The file of a variable of a module, and all that the variable is set to."""
        module, _, name = full_name.rpartition(".")
        file = self._file(module) if module else None
        return (file, file.assignments.values[name]) if file and name in file.assignments.values else None

    def files_matching(self, pattern: re.Pattern[bytes]) -> list[File]:
        """As :meth:`matching`, those that can be parsed."""
        found = [self._file(self._module(path)) for path in self.matching(pattern)]
        return [file for file in found if file is not None]

    def references(self, function: Function) -> list[Reference]:
        """Every place in the project that names ``function``, other than its definition."""
        if function not in self._references:
            files = self.files_matching(_pattern_for(function))
            found = [each for file in files for each in _references_in(file, function)]
            self._references[function] = found
        return self._references[function]

    def _module(self, path: Path) -> str:
        root = self.root if path.is_relative_to(self.root) else self._searched
        parts = path.relative_to(root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _file(self, module: str) -> File | None:
        if module not in self._files:
            base = self.root.joinpath(*module.split("."))
            self._files[module] = None
            for path in (base.with_suffix(".py"), base / "__init__.py"):
                if path.is_file():
                    self._files[module] = _file_if_parsed(path, module)
        return self._files[module]


def _file_if_parsed(path: Path, module: str) -> File | None:
    """A neighbour that cannot be parsed is one about which nothing is known."""
    here = Path.cwd()
    try:
        return File(path.relative_to(here) if path.is_relative_to(here) else path, module)
    except CannotMigrate:
        return None


def _pattern_for(function: Function) -> re.Pattern[bytes]:
    """What the text of a file has if it names ``function``: of methods, only what comes after a dot."""
    name = re.escape(function.node.name.value.encode())
    if function.cls is None:
        return re.compile(rb"\b" + name + rb"\b")
    owner = re.escape(function.cls.name.value.encode())
    return re.compile(rb"(?:\bself|\bcls|\)|\b" + owner + rb")\s*\.\s*" + name + rb"\b")


def _references_in(file: File, function: Function) -> list[Reference]:
    found = []
    for node in file.named.get(function.node.name.value, ()):
        if file.parent(node) is not function.node and _is_meant(file, node, function):
            found.append(Reference(file, node, enclosing(file, node)))
    return found


def _is_meant(file: File, node: cst.Name | cst.Attribute, function: Function) -> bool:
    if function.cls is not None and isinstance(node, cst.Attribute):
        cls = next((above for above in file.ancestors(node) if isinstance(above, cst.ClassDef)), None)
        receiver = node.value
        if isinstance(receiver, cst.Name) and receiver.value in ("self", "cls"):
            return cls is function.cls
        if isinstance(receiver, cst.Call) and isinstance(receiver.func, cst.Name) and receiver.func.value == "super":
            owner = function.full_name.rpartition(".")[0]
            return cls is not None and any(file.naming.own(base.value) == owner for base in cls.bases)
    return file.naming.own(node) == function.full_name


class _Names(cst.CSTVisitor):
    """Collects names and attributes by their last part."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[cst.Name | cst.Attribute]] = {}

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Attribute):
            self.found.setdefault(node.attr.value, []).append(node)
            node.value.visit(self)
            return False
        if isinstance(node, cst.Name):
            self.found.setdefault(node.value, []).append(node)
        return not isinstance(node, cst.Import | cst.ImportFrom)


def enclosing(file: File, node: cst.CSTNode) -> Function | None:
    """The function of a module or a method that ``node`` stands in."""
    known = {function.node: function for function in file.functions.values()}
    for above in file.ancestors(node):
        if isinstance(above, cst.FunctionDef) and above in known:
            return known[above]
    return None
