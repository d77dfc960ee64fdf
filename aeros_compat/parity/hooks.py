"""Which hooks and error handlers of an application are called."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ..callables import is_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

#: Flask's registries, and what their functions are called in the report. Those of teardown run from the last to the
#: first, so their order is compared as well.
_REGISTRIES = (
    ("before_request", "before_request_funcs"),
    ("after_request", "after_request_funcs"),
    ("teardown_request", "teardown_request_funcs"),
    ("url_value_preprocessor", "url_value_preprocessors"),
)


def note_hooks(app: Flask, notes: list[str]) -> None:
    """From now on, put a line into ``notes`` whenever the application calls one of its hooks. Once."""
    for kind, name in _REGISTRIES:
        for functions in getattr(app, name).values():
            functions[:] = [_noting(kind, function, notes) for function in functions]
    functions = app.teardown_appcontext_funcs
    functions[:] = [_noting("teardown_appcontext", function, notes) for function in functions]
    for by_code in app.error_handler_spec.values():
        for handlers in by_code.values():
            for error, handler in handlers.items():
                handlers[error] = _noting("errorhandler", handler, notes)


def _noting(kind: str, function: Callable[..., Any], notes: list[str]) -> Callable[..., Any]:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    line = f"{kind} {getattr(function, '__module__', '?')}.{name}"

    if is_async(function):

        @functools.wraps(function)
        async def noting(*args: Any, **kwargs: Any) -> Any:
            notes.append(line)
            return await function(*args, **kwargs)
    else:

        @functools.wraps(function)
        def noting(*args: Any, **kwargs: Any) -> Any:
            notes.append(line)
            return function(*args, **kwargs)

    return noting
