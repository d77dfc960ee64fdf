"""What caching adds to the WebServer."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

import flask_caching

from ..lanes.hop import is_on_loop
from .cache import without_fragments
from .caching import Caching
from .fragments import enable_fragments
from .seconds import Seconds, whole_seconds
from .stats import CacheStats
from .view import CachedView, Options

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterable

    from jinja2 import Environment

E = TypeVar("E", bound="Environment")
F = TypeVar("F", bound="Callable[..., Any]")


class CachingAPI:
    """``app.cache``, ``app.clear_cache`` and ``app.cache_stats``."""

    name: str
    view_functions: dict[str, Callable[..., Any]]
    _caching: Caching | None = None
    _cache_missed = False

    def _use_cache(self, cache: object) -> None:
        """Take the ``cache`` of the constructor. Raises TypeError or ValueError if it cannot be one."""
        if cache is None:
            return
        if not isinstance(cache, flask_caching.Cache):
            raise TypeError(
                "cache must be SimpleCache(), FileSystemCache(directory), RedisCache(host, port) or a"
                f" flask_caching.Cache, not {cache!r}."
            )
        if cache.config is None:
            raise ValueError(
                "This Cache has no settings yet: give it some, Cache(config={'CACHE_TYPE': 'SimpleCache'}), or leave"
                " cache= out and call its init_app(app) after app.config has them."
            )
        server: Any = self
        with without_fragments(cache):  # now, the Jinja environment would be made before the application is configured
            cache.init_app(server)
        self._caching = Caching(server, cache)

    def _with_fragments(self, environment: E) -> E:
        """Let templates use ``{% cache %}``, if the application has a cache."""
        if self._caching is not None and self._caching.cache.with_jinja2_ext:
            enable_fragments(environment, self._caching.cache)
        return environment

    def cache(
        self,
        timeout: Seconds | None = None,
        key_prefix: str | Callable[[], str] = "view/%s",
        unless: Callable[..., Any] | None = None,
        forced_update: Callable[..., Any] | None = None,
        is_stale: Callable[..., Any] | None = None,
        response_filter: Callable[..., Any] | None = None,
        query_string: bool = False,
        hash_method: Callable[..., Any] | None = None,
        cache_none: bool = False,
        make_cache_key: Callable[..., Any] | None = None,
        source_check: bool | None = None,
        response_hit_indication: bool | None = False,
        *,
        stale_while_revalidate: Seconds = 0,
        tags: Iterable[str] | Callable[..., Iterable[str]] = (),
    ) -> Callable[[F], F]:
        """Decorator: answer requests for a sync or async view from the cache that the constructor was given.

        Of concurrent requests for a missing entry one calls the view. Only what all clients may see is shared; what
        that means is in :mod:`aeros_compat.caching.sharing`. Put it below decorators that check who asks: what is
        below is not called for a hit. The callables are called where the view is: for an async view, on the event loop.

        :param timeout: seconds for which a response is fresh; the cache's own by default, 0 for ever.
        :param key_prefix: the key, in which ``%s`` stands for the path; or a callable that gives it, for responses
            that depend on who asks.
        :param unless: if it gives True, the view is called and nothing is stored.
        :param forced_update: if it gives True, the view is called and its response stored.
        :param is_stale: is given the stored response (and the view's arguments, if it takes more than one); if it
            gives True, the entry is computed anew.
        :param response_filter: is given what the view returned; if it gives something false, that is not stored. With
            a filter, responses of 4xx statuses that the view returns (not raises) may be stored too.
        :param query_string: requests with different query strings have different entries.
        :param hash_method: the hash of the query string and of the source, ``hashlib.sha256`` by default.
        :param cache_none: without meaning for a view, which cannot return None; taken as flask-caching takes it.
        :param make_cache_key: is given the view's arguments and gives the key; methods other than GET and HEAD
            are then cached too.
        :param source_check: the view's source code is part of the key.
        :param response_hit_indication: responses say in ``Cache-Status`` (RFC 9211) what the cache has done, and in
            ``hit_cache``, as with flask-caching, that they came from it.
        :param stale_while_revalidate: seconds for which an entry that is no longer fresh is still used, while the
            request is made again in the background.
        :param tags: names, or a callable that gives them for the view's arguments: see :meth:`clear_cache`.
        :raises TypeError: for an argument of a wrong type.
        :raises ValueError: for one out of range.
        """
        if callable(timeout):
            raise TypeError("app.cache is a decorator with arguments: write @app.cache() above the view.")
        options = Options(
            timeout=None if timeout is None else whole_seconds("timeout", timeout),
            key_prefix=key_prefix,
            unless=_callable("unless", unless),
            forced_update=_callable("forced_update", forced_update),
            is_stale=_callable("is_stale", is_stale),
            response_filter=_callable("response_filter", response_filter),
            query_string=query_string,
            hash_method=_callable("hash_method", hash_method),
            make_cache_key=_callable("make_cache_key", make_cache_key),
            source_check=source_check,
            response_hit_indication=bool(response_hit_indication),
            stale_while_revalidate=whole_seconds("stale_while_revalidate", stale_while_revalidate),
            tags=_tags(tags),
        )
        if self._caching is None:
            self._say_that_there_is_no_cache()
            return lambda view: view
        caching = self._caching

        def decorate(view: F) -> F:
            wrapper: Any = CachedView(caching, view, options).wrapper()
            self._replace(view, wrapper)
            return wrapper  # type: ignore[no-any-return]

        return decorate

    def _replace(self, view: Callable[..., Any], wrapper: Callable[..., Any]) -> None:
        """Let the decorator stand above ``@app.route`` too, which has registered the view as it was."""
        for endpoint, registered in self.view_functions.items():
            if registered is view:
                self.view_functions[endpoint] = wrapper

    def _say_that_there_is_no_cache(self) -> None:
        if not self._cache_missed:
            self._cache_missed = True
            logging.getLogger(self.name).warning(
                "app.cache() does nothing, because the application has no cache: WebServer(..., cache=SimpleCache())."
            )

    def clear_cache(self, tag: str | None = None) -> Awaitable[bool]:
        """Forget all responses, or those with a tag; also those that are being computed now.

        In sync code it is done on return. In async code it is done in the background, if the cache could block;
        ``await`` it to go on afterwards. The result is whether the cache could be told: it may be out of reach.
        """
        caching = self._caching
        if caching is None:
            return _Done(False)
        executor = caching.executor
        if executor is None or not is_on_loop():
            return _Done(caching.store.clear(tag))
        return asyncio.wrap_future(executor.submit(caching.store.clear, tag))

    def cache_stats(self) -> CacheStats:
        """What the cache has done in this process so far."""
        return CacheStats() if self._caching is None else self._caching.counter.read()


class _Done:
    """The result of something that is done, for those who await it."""

    def __init__(self, result: bool) -> None:
        self._result = result

    def __await__(self) -> Generator[Any, None, bool]:
        return self._result
        yield

    def __bool__(self) -> bool:
        return self._result


def _callable(name: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be a function, not {value!r}.")
    return value


def _tags(tags: Any) -> Any:
    if callable(tags):
        return tags
    names = (tags,) if isinstance(tags, str) else tuple(tags)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"tags must be names, or a function that gives them, not {tags!r}.")
    return names
