"""A view behind the cache: its options, its keys, and the function that is called in its place."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import flask_caching

from ..callables import is_async
from .call import Call
from .hits import Hits, asked_by
from .store import Lookup
from .ways import Awaiting, Blocking, run_through

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flask.wrappers import Request

    from .caching import Caching
    from .hits import Asked


class Options(NamedTuple):
    """The arguments of ``app.cache``. See there."""

    timeout: int | None = None
    key_prefix: str | Callable[[], str] = "view/%s"
    unless: Callable[..., Any] | None = None
    forced_update: Callable[..., Any] | None = None
    is_stale: Callable[..., Any] | None = None
    response_filter: Callable[..., Any] | None = None
    query_string: bool = False
    hash_method: Callable[..., Any] | None = None
    make_cache_key: Callable[..., Any] | None = None
    source_check: bool | None = None
    response_hit_indication: bool = False
    stale_while_revalidate: int = 0
    tags: tuple[str, ...] | Callable[..., Any] = ()

    @property
    def has_own_key(self) -> bool:
        """Whether the application says itself what its responses depend on."""
        return self.make_cache_key is not None or callable(self.key_prefix)

    @property
    def are_usual(self) -> bool:
        """Whether an entry is a matter of who asks whom for which path, and nobody else has a say."""
        others = (self.unless, self.forced_update, self.is_stale, self.make_cache_key)
        return not (
            any(others)
            or callable(self.key_prefix)
            or self.query_string
            or self.response_hit_indication
            or callable(self.tags)
        )

    @property
    def is_keyed_by_path(self) -> bool:
        return self.make_cache_key is None and isinstance(self.key_prefix, str) and "%s" in self.key_prefix


class CachedView:
    """One view, and what all its calls have in common."""

    def __init__(self, caching: Caching, view: Callable[..., Any], options: Options) -> None:
        self.caching = caching
        self.store = caching.store
        self.view = view
        self.options = options
        self._name = f"{view.__module__}.{getattr(view, '__qualname__', type(view).__qualname__)}"
        #: The request headers that its responses have said they depend on.
        self._vary: tuple[str, ...] = ()
        # flask-caching's own keys, made by the function that it documents for this.
        keys = flask_caching.Cache.cached(
            caching.cache,
            key_prefix=options.key_prefix,
            query_string=options.query_string,
            hash_method=options.hash_method,
            source_check=options.source_check,
        )
        self._make_key: Callable[..., str] = keys(view).make_cache_key
        self.hits = Hits(self)

    def wrapper(self) -> Callable[..., Any]:
        """What is called in place of the view: a coroutine function for one.

        Its ``cached_view`` is for what stands above it, ``CacheControl`` say.
        """
        wrapper: Any = self._async_wrapper() if is_async(self.view) else self._sync_wrapper()
        wrapper.cached_view = self
        return wrapper  # type: ignore[no-any-return]

    def _async_wrapper(self) -> Callable[..., Any]:
        @functools.wraps(self.view)
        async def cached(*args: Any, **kwargs: Any) -> Any:
            hit = self.hits.find()
            if hit is not None:
                return hit
            way = Awaiting(self.view, args, kwargs, self.caching.executor)
            return await Call(self, way, args, kwargs).answer()

        return cached

    def _sync_wrapper(self) -> Callable[..., Any]:
        @functools.wraps(self.view)
        def cached(*args: Any, **kwargs: Any) -> Any:
            hit = self.hits.find()
            if hit is not None:
                return hit
            return run_through(Call(self, Blocking(self.view, args, kwargs), args, kwargs).answer())

        return cached

    def lookup(self, request: Request, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Lookup:
        """The key and the tags of a request."""
        options, asked = self.options, asked_by(request)
        if options.make_cache_key is not None:
            own = options.make_cache_key(*args, **kwargs)
        else:
            own = self._make_key(path=request.path, query_args=request.args)
        tags = options.tags(*args, **kwargs) if callable(options.tags) else options.tags
        return self._lookup(asked, own, tags, self.variant(request))

    def lookup_of(self, asked: Asked) -> Lookup:
        """The same where the options are usual, and there are no variants."""
        return self._lookup(asked, self._make_key(path=asked[-1], query_args={}), cast("Any", self.options.tags), "")

    def _lookup(self, asked: Asked, own: object, tags: str | Iterable[str], variant: str) -> Lookup:
        parts = (*asked[:-1], self._name if self.options.is_keyed_by_path else None, own)
        return Lookup("response:" + _digest(parts), variant, (tags,) if isinstance(tags, str) else tuple(tags))

    @property
    def has_variants(self) -> bool:
        """Whether responses depend on request headers."""
        return bool(self._vary)

    def variant(self, request: Request) -> str:
        """What the key ends with: one for each set of values of the request headers that the responses depend on."""
        return "." + _digest([request.headers.get(name) for name in self._vary]) if self._vary else ""

    def learn_vary(self, names: set[str]) -> None:
        """Responses depend on these headers. Until it is known, a record that does not suit a request is a miss."""
        if not names <= set(self._vary):
            self._vary = tuple(sorted(names | set(self._vary)))


def _digest(parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()
