"""The ways to make and to serve the application that have to agree with plain Flask through WSGI."""

from __future__ import annotations

import asyncio
import functools
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from flask import Flask

from aeros_compat import WebServer

from . import asgi_client, wsgi_client
from .application import build, journal_of
from .tolerated import is_collected

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.views import View

    from .request import Request
    from .seen import Seen

#: Kinds of hooks that an application may turn into coroutine functions one by one.
BEFORE, AFTER, TEARDOWN, HANDLERS = "before", "after", "teardown", "handlers"
#: Context processors: Flask's ``render_template``, called on a loop, cannot await them, in plain Flask neither.
PROCESSORS = "processors"
HOOKS = frozenset({BEFORE, AFTER, TEARDOWN, HANDLERS})
SERVER = functools.partial(WebServer, worker_threads=1)


@dataclass(frozen=True)
class Flavour:
    """How the application is made: which functions are ``async def``, what listens to signals, what serves it."""

    name: str
    factory: Callable[..., Flask] = SERVER
    views: bool = False
    hooks: frozenset[str] = frozenset()
    #: Receivers of signals send an async request to its thread; without them it can stay on the loop.
    signals: bool = True
    asgi: bool = True
    #: WSGI middleware that does nothing, through which every request has to pass.
    wrapped: bool = False


FLASK = Flavour("Flask", Flask, asgi=False)
FLASK_WITHOUT_SIGNALS = Flavour("Flask without signals", Flask, asgi=False, signals=False)
#: The promise itself.
MAIN = (
    Flavour("sync views"),
    Flavour("async views", views=True),
    Flavour("async views and hooks", views=True, hooks=HOOKS),
    Flavour("async views and hooks, no signals", views=True, hooks=HOOKS, signals=False),
)
#: Mixtures, and other ways in.
OTHERS = (
    Flavour("async views, sync hooks before", views=True, hooks=HOOKS - {BEFORE}, signals=False),
    Flavour("async views, sync hooks after", views=True, hooks=HOOKS - {AFTER, TEARDOWN}, signals=False),
    Flavour("async views, sync handlers", views=True, hooks=HOOKS - {HANDLERS}, signals=False),
    Flavour("sync views, async hooks", hooks=HOOKS | {PROCESSORS}),
    Flavour("async views under WSGI middleware", views=True, wrapped=True),
    Flavour("sync views, WSGI entry", asgi=False),
    Flavour("async views and hooks, WSGI entry", views=True, hooks=HOOKS, signals=False, asgi=False),
)


def asynchronous(func: Callable[..., Any]) -> Callable[..., Any]:
    """``async def`` with the same body, suspended once before it."""
    if inspect.iscoroutinefunction(func):
        return func

    @functools.wraps(func)
    async def call(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return func(*args, **kwargs)

    del call.__wrapped__  # nothing gives away what the user would have written
    return call


def made(flavour: Flavour, variant: str = "default") -> Flask:
    """The application in this flavour."""
    app = build(flavour.factory, variant, signals=flavour.signals)
    if flavour.views:
        for endpoint, view in app.view_functions.items():
            if not endpoint.endswith("static"):  # Flask's own view, which no user turns into a coroutine function
                app.view_functions[endpoint] = _asynchronous_view(view, endpoint)
    _turn_hooks(app, flavour.hooks)
    if flavour.wrapped:
        inside = app.wsgi_app
        app.wsgi_app = lambda environ, start_response: inside(environ, start_response)  # type: ignore[method-assign]
    return app


def _asynchronous_view(view: Any, endpoint: str) -> Callable[..., Any]:
    cls: type[View] | None = getattr(view, "view_class", None)
    if cls is None:
        return asynchronous(view)
    names = ("get", "post", "delete") if hasattr(cls, "get") else ("dispatch_request",)
    members = {name: asynchronous(getattr(cls, name)) for name in names}
    given = inspect.getclosurevars(view).nonlocals
    args, kwargs = given.get("class_args", ()), given.get("class_kwargs", {})
    turned: Any = type(cls.__name__, (cls,), members)
    return cast("Callable[..., Any]", turned.as_view(endpoint, *args, **kwargs))


def _turn_hooks(app: Flask, kinds: frozenset[str]) -> None:
    registries: list[tuple[str, dict[Any, list[Any]]]] = [
        (BEFORE, app.before_request_funcs),
        (AFTER, app.after_request_funcs),
        (TEARDOWN, app.teardown_request_funcs),
        (TEARDOWN, {None: app.teardown_appcontext_funcs}),
    ]
    for kind, registry in registries:
        for functions in registry.values() if kind in kinds else ():
            functions[:] = map(asynchronous, functions)
    if PROCESSORS in kinds:
        for processors in app.template_context_processors.values():
            processors[:] = [func if func.__module__.startswith("flask") else asynchronous(func) for func in processors]
    if AFTER in kinds:
        app.extensions["converted"] = asynchronous
    if HANDLERS in kinds:
        for by_code in app.error_handler_spec.values():
            for handlers in by_code.values():
                handlers.update({error: asynchronous(handler) for error, handler in handlers.items()})


class Side:
    """One flavour at work: applications are made when a variant is first asked for, and closed at the end."""

    def __init__(self, flavour: Flavour, loop: asyncio.Runner) -> None:
        self.flavour = flavour
        self._loop = loop
        self._apps: dict[str, Flask] = {}

    def app(self, variant: str) -> Flask:
        if variant not in self._apps:
            self._apps[variant] = made(self.flavour, variant)
        return self._apps[variant]

    def ask(self, request: Request, variant: str = "default") -> Seen:
        """What comes of one request."""
        app: Any = self.app(variant)
        notes = journal_of(app)
        if self.flavour.asgi:
            return self._loop.run(asgi_client.ask(app, request, notes))
        buffered = self.flavour.factory is Flask and is_collected(request)
        return wsgi_client.ask(app, request, notes, buffered=buffered)

    def close(self) -> None:
        for app in self._apps.values():
            if isinstance(app, WebServer):
                app.threads.close()
