"""``{% cache %}`` of flask-caching in templates, also where Quart renders them asynchronously."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from flask_caching import make_template_fragment_key
from flask_caching.jinja2ext import JINJA_CACHE_ATTR_NAME, CacheExtension
from flask_caching.utils import normalize_timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import flask_caching
    from jinja2 import Environment


class Fragments(CacheExtension):
    """flask-caching's extension; in an async environment the body of a fragment is awaited.

    Jinja awaits what the method gives there. ``tests/test_upstream.py`` holds flask-caching to the method's name.
    """

    def _cache(self, timeout: Any, fragment_name: str, vary_on: list[str], caller: Callable[[], Any]) -> Any:
        if not self.environment.is_async:
            return super()._cache(timeout, fragment_name, vary_on, caller)
        key = make_template_fragment_key(fragment_name, vary_on)
        return self._forget(key, caller) if timeout == "del" else self._keep(key, timeout, caller)

    async def _forget(self, key: str, caller: Callable[[], Awaitable[str]]) -> str:
        await self._attempt("delete", key)
        return await caller()

    async def _keep(self, key: str, seconds: Any, caller: Callable[[], Awaitable[str]]) -> str:
        found: str | None = await self._attempt("get", key)
        if found is None:
            found = await caller()
            await self._attempt("set", key, found, normalize_timeout(seconds))
        return found

    async def _attempt(self, operation: str, *args: Any) -> Any:
        """As flask-caching has it: the page is rendered without the cache if that fails, except for debugging."""
        cache: flask_caching.Cache = getattr(self.environment, JINJA_CACHE_ATTR_NAME)
        try:
            return await sync_to_async(getattr(cache, operation))(*args)
        except Exception:
            if cache.app.debug:
                raise
            return None


def enable_fragments(environment: Environment, cache: flask_caching.Cache) -> None:
    """Do what flask-caching does for its own extension."""
    setattr(environment, JINJA_CACHE_ATTR_NAME, cache)
    environment.add_extension(Fragments)
