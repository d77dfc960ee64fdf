"""What has been found out about the functions and classes of a project: whether calling them may wait, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from .functions import is_generator, returned_by
from .judge import Judge
from .knowledge import HARMLESS, is_listed
from .objects import Objects

if TYPE_CHECKING:
    from .project import File, Function, Project

#: Decorators that leave a helper what it is.
_DECORATORS = ("staticmethod", "classmethod", "functools.cache", "functools.lru_cache", "functools.wraps")


class Court:
    """Remembers what has been found out about the functions of a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.objects = Objects(self)
        self._why: dict[str, str | None] = {}
        self._plain: dict[str, bool] = {}
        #: Functions that are being looked at, and whether they have been met again meanwhile.
        self._under_way: dict[str, bool] = {}
        #: Properties that may wait, by name. One may read another, so they are looked for until no more are found.
        self.waiting_properties: dict[str, str] = {}
        while (found := self.objects.find_waiting_properties()).keys() != self.waiting_properties.keys():
            self.waiting_properties = found
            self._why.clear()
            self._plain.clear()

    def judge(self, function: Function, is_view: bool = False) -> Judge:
        return Judge(self, function.file, function, is_view)

    def why_function(self, function: Function) -> str | None:
        """Why calling a function of the project may wait; None if it does not."""
        name = function.full_name
        if name in self._under_way:
            self._under_way[name] = True
        elif name not in self._why:
            known = set(self._why)
            self._under_way[name] = False
            self._why[name] = self._find_why(function)
            if self._under_way.pop(name) and self._why[name]:
                # Those that call it back have been judged as if it did not wait.
                for other in self._why.keys() - known - {name}:
                    del self._why[other]
        return self._why.get(name)

    def _find_why(self, function: Function) -> str | None:
        naming = function.file.naming
        for decorator in function.node.decorators:
            code = decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator
            if (naming.builtin(code) or naming.imported(code)) not in _DECORATORS:
                return f"{function.name}() is decorated"
        if function.is_async or is_generator(function.node):
            return None  # the call alone runs nothing
        pieces = self.judge(function).pieces(function.node.body)
        if not pieces:
            return None
        source = function.file.source
        where = f"{source.path.name}:{source.line_of(pieces[0].node)}"
        if "(it calls" in pieces[0].why or pieces[0].why.startswith("it calls"):
            return pieces[0].why
        return f"it calls {source.code_of(pieces[0].node, 40)} ({where})"

    def gives_plain(self, function: Function) -> bool:
        """Whether all that a function returns is plain."""
        name = function.full_name
        if name not in self._plain:
            self._plain[name] = False
            if not (function.node.decorators or function.is_async or is_generator(function.node)):
                values = self.judge(function).values
                returned = returned_by(function.node)
                self._plain[name] = all(value is None or values.is_plain(value) for value in returned)
        return self._plain[name]

    def why_class(self, file: File, cls: cst.ClassDef) -> str | None:
        """Why making an object of a class of the project may wait."""
        unknown = f"nothing is known of making a {cls.name.value}"
        if any(keyword.keyword for keyword in cls.keywords):
            return unknown
        for base in cls.bases:
            if self._why_base(file, base.value):
                return unknown
        made_by = [file.functions.get(f"{cls.name.value}.{name}") for name in ("__init__", "__new__", "__post_init__")]
        return next((why for function in made_by if function and (why := self.why_function(function))), None)

    def _why_base(self, file: File, base: cst.BaseExpression) -> str | None:
        if file.naming.builtin(base):
            return None
        name = file.naming.own(base)
        if name and (found := self.project.class_(name)):
            return self.why_class(*found)
        return None if name and is_listed(name, HARMLESS) else "unknown"
