"""What kind of callable a view or a hook is: the one place that decides between ``def`` and ``async def``."""

from __future__ import annotations

import functools
import inspect
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction
from flask.views import MethodView, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "defined_in",
    "hides_async",
    "is_async",
    "is_async_view",
    "is_awaitable",
    "is_patched",
    "method_of",
    "sync_wrappers",
    "view_class_of",
]


def is_async(func: Callable[..., Any]) -> bool:
    """Whether calling ``func`` gives a coroutine: ``async def``, a partial of one, or an object marked as one."""
    return iscoroutinefunction(func)


def is_awaitable(value: object) -> bool:
    """Whether ``value`` is what an ``async def`` gives when it is called."""
    return hasattr(type(value), "__await__")


def is_async_view(view: Callable[..., Any], method: str) -> bool:
    """Whether a view function runs on the event loop for an HTTP ``method``.

    A class-based view does if the method of the class that answers is ``async def``. A sync decorator around either
    makes a sync callable, because the decorator may block.
    """
    if is_async(view):
        return True
    cls = view_class_of(view)
    return cls is not None and not _is_decorated(view) and is_async(method_of(cls, method))


def view_class_of(view: Callable[..., Any]) -> type[View] | None:
    """The class of a class-based view; None for any other callable."""
    cls = getattr(view, "view_class", None)
    return cls if isinstance(cls, type) and issubclass(cls, View) else None


def method_of(cls: type[View], method: str) -> Any:
    """The function of a class-based view that answers an HTTP ``method``; None if it has none."""
    if cls.dispatch_request is not MethodView.dispatch_request:
        return cls.dispatch_request
    handler = getattr(cls, method.lower(), None)
    return getattr(cls, "get", None) if handler is None and method == "HEAD" else handler


def _is_decorated(view: Callable[..., Any]) -> bool:
    # View.decorators are applied to the function that as_view makes, whose qualified name gives it away.
    return hasattr(view, "__wrapped__") or getattr(view, "__qualname__", "") != "View.as_view.<locals>.view"


def hides_async(func: Callable[..., Any]) -> bool:
    """Whether ``func`` is a sync wrapper (made with ``functools.wraps``) around a coroutine function."""
    return hasattr(func, "__wrapped__") and not is_async(func) and is_async(inspect.unwrap(func))


def sync_wrappers(view: Callable[..., Any], method: str) -> list[Callable[..., Any]]:
    """The sync decorators around an async view, or around the async method of a class, the outermost first.

    Empty if there is nothing async inside, and for a view that runs on the event loop.
    """
    cls = view_class_of(view)
    layers = list(_layers(view))
    if cls is not None:
        layers = [layer for layer in layers if _is_decorated(layer)] + list(_layers(method_of(cls, method)))
    first = next((index for index, layer in enumerate(layers) if is_async(layer)), 0)
    return layers[:first]


def _layers(func: Any) -> Iterator[Any]:
    while func is not None:
        yield func
        func = getattr(func, "__wrapped__", None)


def is_patched(cls: type, *names: str) -> bool:
    """Whether somebody has replaced one of the methods ``names``, which ``cls`` defines itself, from outside."""
    own = sys.modules[cls.__module__].__dict__
    for name in names:
        method = vars(cls)[name]
        if type(method) is not FunctionType or method.__globals__ is not own:
            return True
    return False


def defined_in(func: Callable[..., Any]) -> str:
    """Where the code of a wrapper stands: the decorator's own name, not the copied one of the view."""
    if isinstance(func, functools.partial):
        func = func.func
    code = getattr(func, "__code__", None)
    if code is None:
        return f"{type(func).__module__}.{type(func).__qualname__}"
    name = code.co_qualname.partition(".<locals>")[0]
    module = getattr(func, "__globals__", {}).get("__name__", "?")
    return f"{module}.{name}"
