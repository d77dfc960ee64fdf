"""What a request of one endpoint needs: planned once, looked up for each request.

Hooks can be registered at any time, through lists that anybody can write to. So a plan keeps copies of those that it
was made from, and looks whether they are still the same: a few comparisons of lists, where working it out anew would
ask every function what kind it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.globals import current_app

from ..callables import hides_async, is_async, is_async_view, sync_wrappers

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..webserver import WebServer
    from .around import Around

#: Plans of one application. The methods of a route that takes all of them come from clients: a cache, not a leak.
_MOST_PLANS = 10_000

#: Of requests that match no route. Those that do have a name.
NO_ENDPOINT = ""

#: The keys of the hook registries for an endpoint.
Names = tuple[str | None, ...]


class Plan:
    """The hooks and the view for one endpoint and method, in the order in which they are called."""

    def __init__(self, app: WebServer, around: Around, endpoint: str, method: str) -> None:
        self.around = around
        self.endpoint = endpoint
        #: The application's name, then those of its blueprints, outermost first.
        self.names = names = names_of(endpoint)
        registries = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
        self._seen = [
            (registry, name, _copy(registry.get(name)))
            for registry in (*registries, app.url_value_preprocessors)
            for name in names
        ]
        self._teardown_appcontext = list(app.teardown_appcontext_funcs)
        before, after, teardown = (_functions(registry, names) for registry in registries)
        after.reverse()
        teardown.reverse()
        self.view: Any = app.view_functions.get(endpoint)
        #: Where the view runs on the loop: itself a coroutine function, or a class with an async method.
        self.is_coroutine_function = self.view is not None and is_async(self.view)
        self.is_async = self.view is not None and is_async_view(self.view, method)
        #: What keeps an async view on a thread.
        self.sync_wrappers = [] if self.view is None else sync_wrappers(self.view, method)
        #: What a thread calls: the view, and hooks, with those that are async made sync.
        self.sync_view: Any = self.view if self.is_async or self.view is None else _ensured(self.view)
        self.before, self.after, self.teardown = before, after, teardown
        self.sync_before, self.sync_after, self.sync_teardown = (
            [_ensured(func) for func in functions] for functions in (before, after, teardown)
        )
        self.has_preprocessors = any(app.url_value_preprocessors.get(name) for name in names)
        #: Whether any function of the user's is called before the view, and may change what is planned.
        self.calls_before = self.has_preprocessors or bool(before)
        #: Whether the pieces before and after an async view have to run on a thread.
        self.needs_thread_before = (
            around.overrides_before
            or not around.has_cheap_sessions
            or self.has_preprocessors
            or not all(map(is_async, before))
        )
        self.needs_thread_after = (
            around.overrides_after
            or not around.has_cheap_sessions
            or not all(map(is_async, (*after, *teardown, *app.teardown_appcontext_funcs)))
        )
        #: Whether an async request ends without any function of the user's.
        self.tears_nothing_down = around.is_flasks and not (teardown or app.teardown_appcontext_funcs)
        #: Whether contexts can be pushed without opening the session and making the request.
        self.pushes_lazily = around.is_flasks and around.has_cheap_sessions
        self.answers_plainly = around.answers_plainly and around.has_cheap_sessions and not after

    def is_current(self, app: WebServer) -> bool:
        """Whether the hooks and the view are still those that it was made from."""
        for registry, name, functions in self._seen:
            if registry.get(name) != functions:
                return False
        return (
            app.view_functions.get(self.endpoint) is self.view
            and app.teardown_appcontext_funcs == self._teardown_appcontext
        )


def plan_for(app: WebServer, around: Around, endpoint: str, method: str) -> Plan:
    """The plan as it stands."""
    plan = around.plans.get((endpoint, method))
    if plan is None or not plan.is_current(app):
        if len(around.plans) >= _MOST_PLANS:
            around.plans.clear()
        plan = around.plans[endpoint, method] = Plan(app, around, endpoint, method)
    return plan


def names_of(endpoint: str) -> Names:
    """The keys of the hook registries for an endpoint: the application's, then its blueprints', outermost first."""
    blueprint = endpoint.rpartition(".")[0]
    if not blueprint:
        return (None,)
    parts = blueprint.split(".")
    return (None, *(".".join(parts[: count + 1]) for count in range(len(parts))))


def _functions(registry: dict[Any, list[Any]], names: Names) -> list[Any]:
    return [func for name in names for func in registry.get(name, ())]


def _copy(functions: list[Any] | None) -> list[Any] | None:
    return None if functions is None else list(functions)


def _ensured(func: Callable[..., Any]) -> Callable[..., Any]:
    """``func``, or what calls it through ``ensure_sync`` if that makes a difference."""
    if not is_async(func) and not hides_async(func):
        return func

    def call(*args: Any, **kwargs: Any) -> Any:
        return current_app.ensure_sync(func)(*args, **kwargs)

    return call
