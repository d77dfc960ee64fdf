"""What Quart's application has and Flask's has not, on the WebServer.

Quart's own registries are here too, because a blueprint of Quart's fills them when it is registered.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

    from quart.typing import TestClientProtocol

    from .core import Core

F = TypeVar("F", bound=Callable[..., Any])


class QuartAPI:
    """Delegates to the core. See the documentation of Quart for each of them."""

    core: Core

    def async_test_client(self, use_cookies: bool = True, **kwargs: Any) -> TestClientProtocol:
        """Quart's test client, for tests written with ``await``. Flask's is ``test_client()``."""
        return self.core.test_client(use_cookies, **kwargs)

    def add_background_task(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run ``func`` in the background of the running server, in an application context."""
        self.core.add_background_task(func, *args, **kwargs)

    # Serving.

    def before_serving(self, func: F) -> F:
        """Register a function, sync or async, to be called once before the first request is accepted."""
        self.core.before_serving(func)
        return func

    def after_serving(self, func: F) -> F:
        """Register a function, sync or async, to be called once after the last response has been sent."""
        self.core.after_serving(func)
        return func

    def while_serving(self, func: F) -> F:
        """Register an async generator function: it runs to its ``yield`` at the start, and on at the end."""
        self.core.while_serving(func)
        return func

    @property
    def before_serving_funcs(self) -> list[Callable[..., Any]]:
        return self.core.before_serving_funcs

    @property
    def after_serving_funcs(self) -> list[Callable[..., Any]]:
        return self.core.after_serving_funcs

    @property
    def while_serving_gens(self) -> list[AsyncGenerator[None, None]]:
        return self.core.while_serving_gens

    @property
    def background_tasks(self) -> set[asyncio.Task[Any]]:
        return self.core.background_tasks

    # Websockets.

    def websocket(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Register a websocket view for a rule, as ``route`` does for HTTP."""
        return self.core.websocket(rule, **options)

    def add_websocket(
        self, rule: str, endpoint: str | None = None, view_func: Callable[..., Any] | None = None, **options: Any
    ) -> None:
        """Register a websocket view for a rule, as ``add_url_rule`` does for HTTP."""
        self.core.add_websocket(rule, endpoint, view_func, **options)

    def before_websocket(self, func: F) -> F:
        """Register a function to be called before each websocket view."""
        self.core.before_websocket(func)
        return func

    def after_websocket(self, func: F) -> F:
        """Register a function to be called after each websocket view, with a response or None."""
        self.core.after_websocket(func)
        return func

    def teardown_websocket(self, func: F) -> F:
        """Register a function to be called when the context of a websocket ends."""
        self.core.teardown_websocket(func)
        return func

    @property
    def before_websocket_funcs(self) -> dict[str | None, list[Callable[..., Any]]]:
        return self.core.before_websocket_funcs

    @property
    def after_websocket_funcs(self) -> dict[str | None, list[Callable[..., Any]]]:
        return self.core.after_websocket_funcs

    @property
    def teardown_websocket_funcs(self) -> dict[str | None, list[Callable[..., Any]]]:
        return self.core.teardown_websocket_funcs
