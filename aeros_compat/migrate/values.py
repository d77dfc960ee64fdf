"""Which expressions are proven to give plain values: Python's own, and what Flask makes of a request.

Plain values wait for nothing, whichever of their methods is called. Nothing is said of what they contain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from .assignments import Assignments
from .functions import parameters_of
from .knowledge import BODY, FETCHING, HARMLESS_BUILTINS, NOT_PLAIN, PLAIN_BODY, PLAIN_METHODS, is_listed
from .naming import is_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .project import File

_LITERALS = (
    cst.SimpleString | cst.FormattedString | cst.ConcatenatedString | cst.Integer | cst.Float | cst.Imaginary
    | cst.List | cst.Tuple | cst.Dict | cst.Set | cst.ListComp | cst.SetComp | cst.DictComp | cst.Comparison
)  # fmt: skip
_STRINGS = cst.SimpleString | cst.FormattedString | cst.ConcatenatedString
#: What is below these is a plain value, or one that Flask has made of the request.
_FLASKS = ("flask.request.", "flask.session", "flask.session.")


class Values:
    """Proves values of one function.

    Args:
        file: Where the function is.
        function: The function; its own names come before those of the module.
        plain_parameters: Names of arguments that come from the URL.
        is_harmless: Says of a call whether it is known not to wait.
        gives_plain: Says of a call of the project's own whether what it returns is plain.
    """

    def __init__(
        self,
        file: File,
        function: cst.FunctionDef,
        plain_parameters: Collection[str],
        is_harmless: Callable[[cst.Call], bool],
        gives_plain: Callable[[cst.Call], bool],
    ) -> None:
        self._naming = file.naming
        self.local = Assignments(function)
        self._module = file.assignments
        self._is_harmless = is_harmless
        self._gives_plain = gives_plain
        self._under_way: set[str] = set()
        names = [part.name.value for part in parameters_of(function)]
        self._parameters = {name: name in plain_parameters for name in names}
        for star in (function.params.star_arg, function.params.star_kwarg):
            if isinstance(star, cst.Param):
                self._parameters[star.name.value] = True

    def is_local(self, name: str) -> bool:
        """Whether a name is the function's own: an argument, or set in it."""
        return name in self._parameters or name in self.local.values

    def is_parameter(self, name: str) -> bool:
        """Whether a name is an argument of the function."""
        return name in self._parameters

    def is_plain(self, node: cst.BaseExpression) -> bool:
        if isinstance(node, _LITERALS | cst.Lambda):
            return True
        if isinstance(node, cst.BinaryOperation):
            return isinstance(node.left, _STRINGS) or (self.is_plain(node.left) and self.is_plain(node.right))
        if isinstance(node, cst.BooleanOperation):
            return self.is_plain(node.left) and self.is_plain(node.right)
        if isinstance(node, cst.IfExp):
            return self.is_plain(node.body) and self.is_plain(node.orelse)
        if isinstance(node, cst.UnaryOperation):
            return isinstance(node.operator, cst.Not) or self.is_plain(node.expression)
        if isinstance(node, cst.GeneratorExp):
            return self._is_plain_loop(node.for_in)
        if isinstance(node, cst.Subscript):
            return self._is_flasks(node.value)
        if isinstance(node, cst.Call):
            return self._is_plain_call(node)
        return self._is_plain_chain(node)

    def _is_plain_loop(self, loop: cst.CompFor) -> bool:
        return self.is_plain(loop.iter) and (loop.inner_for_in is None or self._is_plain_loop(loop.inner_for_in))

    def _is_flasks(self, node: cst.CSTNode) -> bool:
        name = self._naming.imported(node)
        if name is None or (is_listed(name, BODY) and not is_listed(name, PLAIN_BODY)):
            return False
        return is_listed(name, _FLASKS)

    def _is_plain_call(self, call: cst.Call) -> bool:
        if isinstance(call.func, cst.Attribute):
            method = call.func.attr.value
            if method in FETCHING or self._is_flasks(call.func):
                return True
            if method in PLAIN_METHODS:
                return self._is_harmless(call)
        if not is_chain(call.func):
            return False
        if self._naming.builtin(call.func) or self._naming.imported(call.func):
            arguments_are_plain = all(self.is_plain(arg.value) for arg in call.args)
            if is_listed(self._naming.imported(call.func) or self._naming.builtin(call.func) or "", NOT_PLAIN):
                return False
            return (arguments_are_plain and self._is_harmless(call)) or self._gives_plain(call)
        return self._gives_plain(call)

    def _is_plain_chain(self, node: cst.BaseExpression) -> bool:
        if not isinstance(node, cst.Name):
            return self._is_flasks(node)
        name = node.value
        if name in ("True", "False", "None") or self._naming.builtin(node) in HARMLESS_BUILTINS:
            return True
        if name in self._under_way:
            return True  # of its own making: x = x + 1
        values = self.local.values.get(name, [])
        if name in self._parameters:
            values = values or [cst.Name("None")]
            if not self._parameters[name]:
                return False
        elif not values:
            values = self._module.values.get(name, [None])
        self._under_way.add(name)
        try:
            return all(value is not None and self.is_plain(value) for value in values)
        finally:
            self._under_way.discard(name)
