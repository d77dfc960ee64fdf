"""What Quart's context variables hold: views over Flask's contexts, which have the state."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import quart.ctx

from ..upstream import flask_app_var, flask_sentinel, quart_request_var

if TYPE_CHECKING:
    from werkzeug.routing import MapAdapter

    from ..context import AppContext, RequestContext
    from .core import Core

#: The default of ``pop()``, which stands for the exception that is being handled.
NO_EXCEPTION = cast("BaseException | None", flask_sentinel)


def active_exception(exc: BaseException | None) -> BaseException | None:
    """What Flask's ``pop`` takes for its argument if there is none: the exception that is being handled."""
    return sys.exc_info()[1] if exc is NO_EXCEPTION else exc


class QuartAppContext(quart.ctx.AppContext):
    """What ``quart.current_app`` and ``quart.g`` look at: a view over Flask's application context."""

    def __init__(self, flask_context: AppContext) -> None:
        self._flask = flask_context

    @property
    def app(self) -> Core:  # type: ignore[override]
        return self._flask.app.core

    @property
    def url_adapter(self) -> MapAdapter | None:  # type: ignore[override]
        return self._flask.url_adapter

    @property
    def g(self) -> Any:  # type: ignore[override]
        return self._flask.g

    def copy(self) -> QuartAppContext:
        context = self._flask.app.app_context()
        context.g = self.g
        return QuartAppContext(context)

    async def push(self) -> None:
        self._flask.push()

    async def pop(self, exc: BaseException | None = NO_EXCEPTION) -> None:
        await self._flask.pop_async(active_exception(exc))


class FlaskBacked:
    """What Quart's contexts of a request and of a websocket have in common, looked up on Flask's."""

    preserved = False
    #: In a copy, the ``g`` of the request: a stream sees what hooks have left there, as in Flask.
    _g: Any = None

    def __init__(self, flask_context: RequestContext) -> None:
        self._flask = flask_context

    @property
    def app(self) -> Core:
        return self._flask.app.core

    @property
    def request_websocket(self) -> Any:
        return self._flask.quart_request

    @property
    def url_adapter(self) -> MapAdapter | None:
        return self._flask.url_adapter

    @property
    def session(self) -> Any:
        return self._flask.session

    @session.setter
    def session(self, session: Any) -> None:
        self._flask._session = session

    def copy(self) -> Any:
        context = cast("RequestContext", self._flask.copy())
        vars(context)["quart_request"] = self._flask.quart_request
        copied = type(self)(context)
        copied._g = getattr(flask_app_var.get(None), "g", None)
        return copied

    def match_request(self) -> None:
        self._flask.match_request()

    async def push(self) -> None:
        self._flask.push()
        app_context = self._flask._cv_tokens[-1][1]
        if self._g is not None and app_context is not None:
            app_context.g = self._g

    async def pop(self, exc: BaseException | None = NO_EXCEPTION) -> None:
        await self._flask.pop_async(active_exception(exc))


class QuartRequestContext(FlaskBacked, quart.ctx.RequestContext):  # type: ignore[misc, override]
    """What ``quart.request`` and ``quart.session`` look at: a view over Flask's request context."""

    @property  # type: ignore[override]
    def flashes(self) -> list[tuple[str, str]] | None:
        return self._flask.flashes

    @flashes.setter
    def flashes(self, flashes: list[tuple[str, str]] | None) -> None:
        self._flask.flashes = flashes

    @property
    def _after_request_functions(self) -> list[Any]:  # type: ignore[override]
        return self._flask._after_request_functions


class KeptContext(QuartRequestContext):
    """The context of a finished request, for the block of ``async with app.async_test_client()``.

    Quart's client sets it as it is, and pops it at the end of the block.
    """

    def __init__(self, flask_context: RequestContext) -> None:
        super().__init__(flask_context)
        self.preserved = True

    async def pop(self, exc: BaseException | None = NO_EXCEPTION) -> None:
        quart_request_var.set(cast("Any", None))
