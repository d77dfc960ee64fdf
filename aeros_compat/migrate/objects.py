"""What is known of objects by where they are made: variables of modules, and classes with properties that wait."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from .naming import is_chain

if TYPE_CHECKING:
    from .court import Court
    from .project import File, Function

_PROPERTIES = re.compile(rb"^\s*@(?:\w+\.)*(?:cached_|hybrid_)?property\b", re.MULTILINE)
_NAMES = ("property", "cached_property", "hybrid_property")


class Objects:
    """Looks through the modules of a project."""

    def __init__(self, court: Court) -> None:
        self._court = court

    def maker(self, file: File, node: cst.BaseExpression) -> str | None:
        """What a variable of a module, of this or of another one, has been made by: ``contextvars.ContextVar``.

        For an object of a class of the project's own, it is what that class is derived from.
        """
        name = file.naming.own(node) if is_chain(node) else None
        found = self._court.project.assigned(name) if name else None
        if found is None or len(found[1]) != 1 or not isinstance(found[1][0], cst.Call):
            return None
        where, (made,) = found
        assert isinstance(made, cst.Call)
        own = where.naming.own(made.func)
        cls = self._court.project.class_(own) if own else None
        if cls is None:
            return where.naming.imported(made.func)
        return cls[0].naming.imported(cls[1].bases[0].value) if cls[1].bases else None

    def find_waiting_properties(self) -> dict[str, str]:
        """Properties of the project's classes that may wait, by name, with what they call."""
        files = self._court.project.files_matching(_PROPERTIES)
        properties = [each for file in files for each in file.functions.values() if _is_property(each)]
        pieces = {each.node.name.value: self._court.judge(each).pieces(each.node.body) for each in properties}
        return {name: f"reading .{name} runs code: {found[0].why}" for name, found in pieces.items() if found}


def _is_property(function: Function) -> bool:
    decorators = [each.decorator for each in function.node.decorators]
    last = [each.attr if isinstance(each, cst.Attribute) else each for each in decorators]
    return any(isinstance(each, cst.Name) and each.value in _NAMES for each in last)
