"""``Cache``: flask-caching's, whose decorators keep an ``async def`` one.

flask-caching decorates an async function with a sync wrapper. As a view it then costs a worker thread; called
from an async view it fails, because it cannot wait for a coroutine on the loop's own thread. Here flask-caching's
wrapper is called twice, around the awaited function: to look, and to store. Its rules apply as they are.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import flask_caching
from asgiref.sync import sync_to_async
from flask_caching.backends import NullCache, SimpleCache
from werkzeug.exceptions import HTTPException

from ..callables import is_async
from .fragments import enable_fragments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask


def is_in_memory(backend: object) -> bool:
    """Whether a backend answers at once, so that it may be asked on the event loop."""
    return isinstance(backend, SimpleCache | NullCache)


@contextmanager
def without_fragments(cache: flask_caching.Cache) -> Iterator[None]:
    """Let ``init_app`` leave the application's Jinja environment alone."""
    wanted, cache.with_jinja2_ext = cache.with_jinja2_ext, False
    try:
        yield
    finally:
        cache.with_jinja2_ext = wanted


class Cache(flask_caching.Cache):
    """A :class:`flask_caching.Cache`; ``cached`` and ``memoize`` also take coroutine functions.

    What a coroutine function is called for on the event loop: nothing, with a backend in memory; else flask-caching's
    wrapper runs on the request's own thread, one hop to look and one to store.
    """

    def init_app(self, app: Flask, config: dict[str, Any] | None = None) -> None:
        with without_fragments(self):
            super().init_app(app, config)
        if self.with_jinja2_ext:
            enable_fragments(app.jinja_env, self)

    if not TYPE_CHECKING:  # the types are flask-caching's

        def cached(self, *args, **options):
            return self._decorator(super().cached, _named(super().cached, args, options))

        def memoize(self, *args, **options):
            return self._decorator(super().memoize, _named(super().memoize, args, options))

    def _decorator(self, upstream: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
        def decorate(function: Callable[..., Any]) -> Any:
            if not is_async(function):
                return upstream(**options)(function)
            return _awaiting(self, function, upstream(**_in_two_steps(options))(_probe(function)))

        return decorate

    # flask-caching's wrapper calls these.

    def get(self, key: str) -> Any:
        call = _current.get()
        if call is not None:
            call.key = key
        return super().get(key)

    def set(self, key: str, value: Any, timeout: Any = None) -> bool | None:
        call = _current.get()
        if call is not None and call.key is not None:
            key = call.key  # the one that was looked up: another may be current since delete_memoized()
        return super().set(key, value, timeout=timeout)

    @property
    def enable_signals(self) -> bool:
        call = _current.get()
        return self._enable_signals and (call is None or not call.stores)

    @enable_signals.setter
    def enable_signals(self, enabled: bool) -> None:
        self._enable_signals = enabled


class _Call:
    """One call of an async function, between the two steps of flask-caching's wrapper."""

    def __init__(self) -> None:
        self.stores = False
        self.bypassed = False
        self.key: str | None = None
        self.result: Any = None


#: Set only while flask-caching's wrapper runs.
_current: ContextVar[_Call | None] = ContextVar("aeros_compat.cached_call", default=None)


class _Miss(Exception):
    """Raised in place of calling the function, through flask-caching's wrapper."""


def _probe(function: Callable[..., Any]) -> Callable[..., Any]:
    """What flask-caching's wrapper calls: there is nothing yet in the first step; in the second there is."""

    @functools.wraps(function)
    def probe(*args: Any, **kwargs: Any) -> Any:
        call = _current.get()
        assert call is not None
        if not call.stores:
            raise _Miss
        if isinstance(call.result, HTTPException):
            raise call.result
        return call.result

    return probe


def _awaiting(cache: Cache, function: Callable[..., Any], upstream: Any) -> Any:
    @functools.wraps(function)
    async def cached(*args: Any, **kwargs: Any) -> Any:
        call = _Call()
        upstream.cache_timeout = wrapper.cache_timeout
        try:
            return await _step(cache, call, upstream, args, kwargs)
        except _Miss:
            pass
        if call.bypassed:
            return await function(*args, **kwargs)
        try:
            call.result = await function(*args, **kwargs)
        except HTTPException as error:
            call.result = error
        call.stores = True
        return await _step(cache, call, upstream, args, kwargs)

    wrapper: Any = cached
    wrapper.__dict__.update({name: value for name, value in vars(upstream).items() if name != "__wrapped__"})
    wrapper.uncached = function
    return wrapper


async def _step(cache: Cache, call: _Call, upstream: Any, args: Any, kwargs: Any) -> Any:
    def run() -> Any:
        token = _current.set(call)
        try:
            return upstream(*args, **kwargs)
        finally:
            _current.reset(token)

    if is_in_memory(cache.cache):
        return run()
    return await sync_to_async(run)()


def _named(method: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Positional arguments by their names."""
    names = method.__code__.co_varnames[1:]
    return dict(zip(names, args, strict=False)) | options


def _in_two_steps(options: dict[str, Any]) -> dict[str, Any]:
    """The options for flask-caching such that the second step asks nobody again, and stores."""
    unless, forced_update = options.get("unless"), options.get("forced_update")
    return options | {"unless": unless and _asked_once(unless), "forced_update": _forced_to_store(forced_update)}


def _asked_once(unless: Callable[..., Any]) -> Callable[..., bool]:
    @functools.wraps(unless)  # flask-caching reads the signature
    def ask(*args: Any, **kwargs: Any) -> bool:
        call = _current.get()
        assert call is not None
        if call.stores:
            return False
        call.bypassed = unless(*args, **kwargs) is True
        return call.bypassed

    return ask


def _forced_to_store(forced_update: Callable[..., Any] | None) -> Callable[..., bool]:
    def force(*args: Any, **kwargs: Any) -> bool:
        call = _current.get()
        assert call is not None
        return call.stores or (forced_update is not None and forced_update(*args, **kwargs) is True)

    return functools.wraps(forced_update)(force) if forced_update is not None else force
