"""The same functions as coroutine functions: what an application looks like whose views were turned into ``async def``.

The body stays the same. Only what is registered changes: the name in the module of the application still is the
function that its author wrote.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

import flask
from flask.sansio.app import App
from flask.sansio.blueprints import Blueprint
from flask.sansio.scaffold import Scaffold
from flask.views import MethodView, View, http_method_funcs

Decorator = Callable[[Callable[..., Any]], Any]

#: Where a function keeps the function made of it, so that the same one comes out when it is registered twice.
_KEPT = "_aeros_coroutine"

#: Methods ``register(self, function)`` whose function Flask passes through ``ensure_sync``.
HOOKS: tuple[tuple[type, str], ...] = (
    (Scaffold, "before_request"),
    (Scaffold, "after_request"),
    (Scaffold, "teardown_request"),
    (App, "teardown_appcontext"),
    (Blueprint, "before_app_request"),
    (Blueprint, "after_app_request"),
    (Blueprint, "teardown_app_request"),
)


def coroutine(func: Any) -> Any:
    """``func`` as a coroutine function; itself if it is one, or neither a function nor a method, or Flask's own."""
    if isinstance(func, MethodType):
        inner = coroutine(func.__func__)
        return func if inner is func.__func__ else MethodType(inner, func.__self__)
    if not isinstance(func, FunctionType) or inspect.iscoroutinefunction(func) or _is_flasks(func):
        return func
    kept = func.__dict__.get(_KEPT)
    if kept is None or kept[0] is not func:  # a decorator that copies attributes copies this one too
        kept = (func, _wrap(func))
        setattr(func, _KEPT, kept)
    return kept[1]


def _is_flasks(func: FunctionType) -> bool:
    return (func.__module__ or "").partition(".")[0] == "flask"


def _wrap(func: FunctionType) -> Any:
    @functools.wraps(func)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    # Written by hand it would be no wrapper of anything, and would still show its parameters.
    wrapper.__dict__["__signature__"] = inspect.signature(func)
    del wrapper.__wrapped__
    wrapper.__dict__.pop(_KEPT, None)
    return wrapper


def coroutine_view(view: Any) -> Any:
    """:func:`coroutine` for a view. What makes up a class-based one are the methods of its class."""
    view_class = getattr(view, "view_class", None)
    if view_class is None or hasattr(view, "__wrapped__") or not issubclass(view_class, View):
        return coroutine(view)
    names = ["dispatch_request"]
    if view_class.dispatch_request is MethodView.dispatch_request:
        names = [name for name in http_method_funcs if hasattr(view_class, name)]
    methods = {name: coroutine(inspect.getattr_static(view_class, name)) for name in names}
    if not view_class.init_every_request:  # the view function has its object already
        for name, method in methods.items():
            setattr(view_class, name, method)
    elif any(method is not inspect.getattr_static(view_class, name) for name, method in methods.items()):
        view.view_class = _with_methods(view_class, methods)
    return view


def _with_methods(view_class: type[View], methods: dict[str, Any]) -> type[View]:
    """A class of the same name. The class itself stays: others inherit from it, and call ``super()`` as they did."""
    own = {"__module__": view_class.__module__, "__qualname__": view_class.__qualname__, "__doc__": view_class.__doc__}
    metaclass: Any = type(view_class)
    turned: type[View] = metaclass(view_class.__name__, (view_class,), own | methods)
    return turned


def convert_views() -> None:
    """From now on, every view function that is registered is registered as a coroutine function."""
    add_url_rule = App.add_url_rule
    endpoint_decorator = Scaffold.endpoint

    @functools.wraps(add_url_rule)
    def add_coroutine(self: App, rule: str, endpoint: Any = None, view_func: Any = None, *args: Any, **kw: Any) -> None:
        add_url_rule(self, rule, endpoint, coroutine_view(view_func), *args, **kw)

    @functools.wraps(endpoint_decorator)
    def endpoint(self: Scaffold, name: str) -> Decorator:
        return _registering(coroutine_view, endpoint_decorator(self, name))

    App.add_url_rule = add_coroutine  # type: ignore[method-assign]
    Scaffold.endpoint = endpoint  # type: ignore[method-assign,assignment]


def _registering(convert: Callable[[Any], Any], register: Decorator) -> Decorator:
    """A decorator that registers the converted function and returns the function as it is."""

    def decorator(func: Callable[..., Any]) -> Any:
        register(convert(func))
        return func

    return decorator


def convert_hooks() -> None:
    """The same for hooks and error handlers."""
    for owner, name in HOOKS:
        _convert_hook(owner, name)
    register_error_handler = Scaffold.register_error_handler

    @functools.wraps(register_error_handler)
    def register(self: Scaffold, code_or_exception: Any, f: Any) -> None:
        register_error_handler(self, code_or_exception, coroutine(f))

    Scaffold.register_error_handler = register  # type: ignore[method-assign]
    once = _registering(coroutine, flask.ctx.after_this_request)
    flask.after_this_request = flask.ctx.after_this_request = once  # type: ignore[assignment]


def _convert_hook(owner: type, name: str) -> None:
    method = getattr(owner, name)

    @functools.wraps(method)
    def register(self: Any, f: Callable[..., Any]) -> Any:
        return _registering(coroutine, functools.partial(method, self))(f)

    setattr(owner, name, register)
