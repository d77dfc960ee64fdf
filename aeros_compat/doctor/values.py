"""What is known of a value without running the code that makes it.

Modules have been imported, so most names in a function lead to the objects that they will lead to when it is called.
Attributes are looked up statically: no property, descriptor or ``__getattr__`` of anybody's is run.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import flask
import quart
import werkzeug.utils

if TYPE_CHECKING:
    from .scope import Scope
    from .source import FunctionNode


@dataclass(frozen=True)
class Known:
    """The object itself."""

    object: Any


@dataclass(frozen=True)
class Instance:
    """Some object of a class."""

    cls: type


@dataclass(frozen=True)
class Method:
    """A function that was found on an object, or on a class for a class method."""

    function: Any
    owner: type
    name: str


@dataclass(frozen=True)
class Getter:
    """The function that a property runs."""

    function: Any
    owner: type


@dataclass(frozen=True)
class LocalFunction:
    """A function that is defined inside of another one."""

    node: FunctionNode
    scope: Scope


#: None: nothing is known.
Value = Known | Instance | Method | Getter | LocalFunction | None

_GETTERS = {property: "fget", functools.cached_property: "func", werkzeug.utils.cached_property: "fget"}
_MISSING = object()


#: Functions, methods and what stands for them in C.
ROUTINES = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
)


def is_a(thing: object, *classes: type) -> bool:
    """``isinstance``, which also asks ``__class__``: a ``LocalProxy`` calls the user's function for an answer."""
    return issubclass(type(thing), classes)


def is_flasks_request(value: object) -> bool:
    """Whether it is ``flask.request``."""
    return isinstance(value, Known) and value.object is flask.request


def attribute_of(value: object, name: str) -> Known | Method | Getter | None:
    """What ``value.name`` is."""
    if isinstance(value, Known) and value.object is quart.request:  # a proxy, which has nothing while nobody asks
        value = Instance(quart.Request)
    if isinstance(value, Instance):
        return _found(inspect.getattr_static(value.cls, name, _MISSING), value.cls, name, on_instance=True)
    if not isinstance(value, Known):
        return None
    if is_a(value.object, ModuleType):
        return _of_module(value.object, name)
    found = inspect.getattr_static(value.object, name, _MISSING)
    if is_a(value.object, type):
        return _found(found, value.object, name, on_instance=False)
    return _found(found, type(value.object), name, on_instance=True)


def _of_module(module: ModuleType, name: str) -> Known | None:
    found = vars(module).get(name, _MISSING)
    if found is _MISSING:
        found = sys.modules.get(f"{module.__name__}.{name}", _MISSING)
    return None if found is _MISSING else Known(found)


def _found(found: Any, owner: type, name: str, *, on_instance: bool) -> Known | Method | Getter | None:
    if found is _MISSING:
        return None
    if isinstance(found, staticmethod):
        return Known(found.__func__)
    if isinstance(found, classmethod):
        return Method(found.__func__, owner, name)
    if not on_instance:
        return Known(found)
    for kind, attribute in _GETTERS.items():
        if isinstance(found, kind):
            return Getter(getattr(found, attribute), owner)
    if is_a(found, *ROUTINES):
        return Method(found, owner, name)
    return Known(found)


#: Modules that stand behind one that has the name that people know.
_PUBLIC = {"posix": "os", "nt": "os", "pathlib._local": "pathlib"}


def name_of(thing: Any) -> str:
    """The full name of a function or class: its module, without the underscore of modules in C, and its own."""
    module = str(getattr(thing, "__module__", None) or "").lstrip("_")
    return f"{_PUBLIC.get(module, module)}.{getattr(thing, '__qualname__', '?')}"


def names_of(value: object) -> list[str]:
    """The names under which a callable may be known, the nearest first: a method has one for each base class."""
    if isinstance(value, Method):
        return [f"{name_of(cls)}.{value.name}" for cls in value.owner.__mro__]
    if isinstance(value, Known) and is_a(value.object, type, *ROUTINES):
        return [name_of(value.object)]
    return []


def class_named(name: str) -> type | None:
    """The class of a full name, if its module has been imported."""
    module, _, qualname = name.rpartition(".")
    found = vars(sys.modules[module]).get(qualname) if module in sys.modules else None
    return found if isinstance(found, type) else None
