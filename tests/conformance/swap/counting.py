"""How many requests went through the ASGI application, and through which lane."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

from aeros_compat.gateway import connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from aeros_compat import WebServer
    from aeros_compat.quart_side.core import Core


class Calls:
    """Counts the calls of functions, from any thread."""

    def __init__(self) -> None:
        self._counters: dict[str, itertools.count[int]] = {}

    def of(self, name: str, func: Callable[..., Any]) -> Callable[..., Any]:
        """``func``, whose calls are counted under ``name``."""
        counter = self._counters[name] = itertools.count()

        @functools.wraps(func)
        def counted(*args: Any, **kwargs: Any) -> Any:
            next(counter)
            return func(*args, **kwargs)

        return counted

    def totals(self) -> dict[str, int]:
        """The numbers by name. To be asked once, at the end."""
        return {name: next(counter) for name, counter in self._counters.items()}


def count_requests(application: type[WebServer | Core]) -> Calls:
    """Count from now on."""
    calls = Calls()
    application.asgi_app = calls.of("asgi", application.asgi_app)  # type: ignore[method-assign]
    for lane in ("sync", "async"):
        name = f"run_{lane}_lane"
        setattr(connection, name, calls.of(lane, getattr(connection, name)))
    return calls
