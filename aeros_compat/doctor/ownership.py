"""Which code is the user's own, and what stands around it."""

from __future__ import annotations

import functools
import inspect
import sys
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from ..callables import is_async
from ..frames import is_library
from .values import is_a

if TYPE_CHECKING:
    from collections.abc import Iterator


class Ownership:
    """Tells the user's modules from those of others.

    :param import_name: of the application: its package is the user's even if it is installed among the libraries.
    """

    def __init__(self, import_name: str) -> None:
        self._package = import_name.partition(".")[0]

    def has(self, function: FunctionType) -> bool:
        """Whether a function is the user's."""
        return self._has(function.__code__.co_filename, function.__globals__.get("__name__", ""))

    def modules(self) -> Iterator[ModuleType]:
        """The user's modules that have been imported."""
        for name, module in sorted(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if is_a(module, ModuleType) and file is not None and name != "__main__" and self._has(file, name):
                yield module

    def _has(self, file: str, module: str) -> bool:
        return not is_library(file) or module.partition(".")[0] == self._package


def unwrapped_once(thing: Any) -> Any:
    """What a partial, a bound method or a decorator's wrapper calls in the end; None for anything else."""
    if is_a(thing, functools.partial):
        return thing.func
    if is_a(thing, MethodType):
        return thing.__func__
    return inspect.getattr_static(thing, "__wrapped__", None)


def layers_of(thing: Any) -> Iterator[Any]:
    """A callable and what it wraps, the outermost first."""
    while thing is not None:
        yield thing
        thing = unwrapped_once(thing)


def runs_on_caller(outer: Any, inner: Any) -> bool:
    """Whether a wrapper calls what it wraps on its caller's thread, which ``sync_to_async(function)`` does not."""
    return is_async(outer) == is_async(inner)
