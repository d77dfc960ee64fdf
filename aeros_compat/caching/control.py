"""Client-side caching: the ``Cache-Control`` header and what goes with it, as a decorator for views."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import after_this_request, current_app, request
from werkzeug.exceptions import HTTPException

from ..callables import is_async
from ..responses import response_of
from .seconds import Seconds, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flask.wrappers import Response

    from ..webserver import WebServer
    from .view import CachedView

F = TypeVar("F", bound="Callable[..., Any]")

#: ``max-age`` of what may be stored, unless the constructor is told otherwise.
MAX_AGE = 60


class CacheTypes(StrEnum):
    """Who may store a response (RFC 9111 section 5.2.2)."""

    PUBLIC = "public"
    PRIVATE = "private"
    NO_CACHE = "no-cache"
    NO_STORE = "no-store"


class CacheControl:
    """Decorator for sync and async views: tells clients and proxies how long they may keep a response.

    A ``Cache-Control`` or ``Expires`` that the view has set itself stays, unless ``override``. Put it above
    ``app.cache``, so that what is stored is the whole response, and each client gets its own 304.

    :param cache_type: who may store it; with ``NO_CACHE`` and ``NO_STORE`` the other directives make no sense.
    :param max_age: for how many seconds it is fresh; 60, unless nothing may be stored (RFC 9111 section 5.2.2.1).
    :param immutable: it will not change while it is fresh, so a reload need not ask (RFC 8246).
    :param no_transform: proxies must leave the body as it is (RFC 9111 section 5.2.2.6).
    :param stale_while_revalidate: seconds for which it may be used once more while it is renewed (RFC 5861 section 3).
    :param stale_if_error: seconds for which it may be used if renewing it fails (RFC 5861 section 4).
    :param cache_on_status: the statuses of responses that are marked; others are left alone. ``[200]`` by default.
    :param expires: also send ``Expires``, for caches that are older than ``Cache-Control``.
    :param vary: names of the request headers that the response depends on.
    :param conditional: send an ``ETag``, and answer ``If-None-Match`` with 304 where it still holds.
    :param override: replace what the view has set itself.
    :raises TypeError: for an argument of a wrong type.
    :raises ValueError: for arguments that contradict each other, or are out of range.
    """

    def __init__(
        self,
        cache_type: CacheTypes | str = CacheTypes.PUBLIC,
        max_age: Seconds | None = None,
        immutable: bool = False,
        no_transform: bool = False,
        stale_while_revalidate: Seconds | None = None,
        stale_if_error: Seconds | None = None,
        cache_on_status: Iterable[int] = (200,),
        *,
        expires: bool = False,
        vary: Iterable[str] = (),
        conditional: bool = False,
        override: bool = False,
    ) -> None:
        if callable(cache_type):
            raise TypeError("CacheControl is a decorator with arguments: write @CacheControl() above the view.")
        self.cache_type = CacheTypes(cache_type)
        self.statuses = _statuses(cache_on_status)
        self.max_age = self._freshness(max_age)
        self.vary = (vary,) if isinstance(vary, str) else tuple(vary)
        self.expires = expires
        self.conditional = conditional
        self.override = override
        directives: dict[str, Any] = {
            "immutable": immutable,
            "stale-while-revalidate": stale_while_revalidate,
            "stale-if-error": stale_if_error,
        }
        if self.max_age is None:
            refused = [name for name, value in directives.items() if value is not None and value is not False]
            refused += ["expires"] * expires + ["conditional"] * (conditional and self._stores_nothing)
            if refused:
                raise ValueError(f"{self.cache_type} leaves nothing for {', '.join(refused)} to say; leave it out.")
        self.value = self._header({"no-transform": no_transform, **directives})

    @property
    def _stores_nothing(self) -> bool:
        return self.cache_type is CacheTypes.NO_STORE

    def _freshness(self, max_age: Seconds | None) -> int | None:
        if self.cache_type in (CacheTypes.PUBLIC, CacheTypes.PRIVATE):
            return whole_seconds("max_age", MAX_AGE if max_age is None else max_age)
        if max_age is not None:
            raise ValueError(f"{self.cache_type} and max_age contradict each other; leave one of them out.")
        return None

    def _header(self, directives: dict[str, Any]) -> str:
        parts: list[str] = [self.cache_type]
        if self.max_age is not None:
            parts.append(f"max-age={self.max_age}")
        for name, value in directives.items():
            if value is True:
                parts.append(name)
            elif value is not None and value is not False:
                parts.append(f"{name}={whole_seconds(name.replace('-', '_'), value)}")
        return ", ".join(parts)

    def __call__(self, view: F) -> F:
        self._inform(getattr(view, "cached_view", None))
        if is_async(view):

            @functools.wraps(view)
            async def call_async(*args: Any, **kwargs: Any) -> Response:
                try:
                    rv = await view(*args, **kwargs)
                except HTTPException:
                    after_this_request(self._apply_later)
                    raise
                return self.apply(await response_of(cast("WebServer", current_app), rv))

            return cast("F", call_async)

        @functools.wraps(view)
        def call(*args: Any, **kwargs: Any) -> Response:
            try:
                rv = current_app.ensure_sync(view)(*args, **kwargs)
            except HTTPException:
                # What the error handlers make of it is not known yet.
                after_this_request(self.apply)
                raise
            return self.apply(current_app.make_response(rv))

        return cast("F", call)

    def _inform(self, cached: CachedView | None) -> None:
        """What is said above ``app.cache`` is about its entries too."""
        if cached is None:
            return
        if self.cache_type is CacheTypes.PRIVATE and not cached.options.has_own_key:
            raise ValueError(
                "CacheControl says that the view's responses are private, and app.cache below it shares them. Give"
                " app.cache a make_cache_key or a callable key_prefix that tells the clients apart, or leave one out."
            )
        cached.learn_vary({name.lower() for name in self.vary})

    async def _apply_later(self, response: Response) -> Response:
        return self.apply(response)

    def apply(self, response: Response) -> Response:
        """Mark a response to the current request, if its status is one of ``cache_on_status``."""
        if response.status_code not in self.statuses:
            return response
        headers = response.headers
        if self.override or "Cache-Control" not in headers:
            headers["Cache-Control"] = self.value
        if self.expires and (self.override or "Expires" not in headers):
            response.expires = datetime.now(UTC) + timedelta(seconds=self.max_age or 0)
        response.vary.update(self.vary)
        if self.conditional and response.status_code == 200 and response.is_sequence:
            response.add_etag()
            response.make_conditional(request.environ)
        return response


def _statuses(cache_on_status: Iterable[int]) -> frozenset[int]:
    if isinstance(cache_on_status, int) or not all(isinstance(status, int) for status in cache_on_status):
        raise TypeError(f"cache_on_status must be a list of status codes such as [200], not {cache_on_status!r}.")
    statuses = frozenset(cache_on_status)
    if not statuses or not all(100 <= status <= 599 for status in statuses):
        raise ValueError(f"cache_on_status needs status codes from 100 to 599, not {cache_on_status!r}.")
    return statuses
