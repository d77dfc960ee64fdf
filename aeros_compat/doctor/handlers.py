"""The functions of an application that requests come to: views, hooks, error handlers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask.views import MethodView, View

from ..callables import is_async, method_of, view_class_of
from .ownership import layers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..webserver import WebServer


@dataclass(frozen=True)
class Handler:
    """One function, and what it is registered as."""

    #: ``view``, ``websocket``, ``before_request`` and so on, under the names that they are registered with.
    kind: str
    #: The endpoint of a view, and the method if it is a class: ``orders.item GET``. Of a hook, the function's name.
    name: str
    function: Any
    #: The class of a method.
    owner: type | None = None

    def __str__(self) -> str:
        return self.name if self.kind in ("view", "websocket") else f"{self.kind} {self.name}"

    @property
    def on_loop(self) -> Any:
        """The part that runs on the event loop: its outermost coroutine function; None if there is none."""
        return next((layer for layer in layers_of(self.function) if is_async(layer)), None)


#: The registries of Flask and of Quart: dictionaries from a blueprint (None for the application) to functions.
HOOKS = (
    "url_value_preprocessors",
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
    "template_context_processors",
    "before_websocket_funcs",
    "after_websocket_funcs",
    "teardown_websocket_funcs",
)

#: Those that are lists.
_LISTS = ("teardown_appcontext_funcs", "before_serving_funcs", "after_serving_funcs")

_NAMES = {"url_value_preprocessors": "url_value_preprocessor", "template_context_processors": "context_processor"}


def handlers_of(app: WebServer) -> Iterator[Handler]:
    """All of them, views first, each once."""
    yield from views_of(app)
    for registry in HOOKS:
        for functions in getattr(app, registry).values():
            yield from _hooks(registry, functions)
    for registry in _LISTS:
        yield from _hooks(registry, getattr(app, registry))
    for by_code in app.error_handler_spec.values():
        for by_class in by_code.values():
            yield from _hooks("errorhandler", by_class.values())


def _hooks(registry: str, functions: Iterable[Any]) -> Iterator[Handler]:
    kind = _NAMES.get(registry, registry.removesuffix("_funcs"))
    for function in functions:
        yield Handler(kind, getattr(function, "__qualname__", repr(function)), function)


def views_of(app: WebServer) -> Iterator[Handler]:
    """The views, and of class-based ones each method that answers."""
    websockets = {rule.endpoint for rule in app.url_map.iter_rules() if rule.websocket}
    for endpoint, view in app.view_functions.items():
        kind = "websocket" if endpoint in websockets else "view"
        cls = view_class_of(view)
        if cls is not None:
            yield from _methods(kind, endpoint, cls)
        else:
            yield Handler(kind, endpoint, view)


def _methods(kind: str, endpoint: str, cls: type[View]) -> Iterator[Handler]:
    if cls.dispatch_request is not MethodView.dispatch_request:
        yield Handler(kind, endpoint, cls.dispatch_request, cls)
        return
    for method in sorted(cls.methods or ()):
        function = method_of(cls, method)
        if function is not None:
            yield Handler(kind, f"{endpoint} {method}", function, cls)
