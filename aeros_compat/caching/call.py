"""One call of a view behind the cache: looked up, computed once for many, renewed in the background."""

from __future__ import annotations

import math
import time
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flask_caching import CachedResponse
from flask_caching.utils import normalize_timeout, wants_args, wants_extra_args
from werkzeug.exceptions import HTTPException

from ..upstream import flask_request_var
from .flight import WAIT_SECONDS, Ended, Place
from .record import Record
from .renewal import is_renewal, renew
from .sharing import forget_cookies, why_not_asked, why_not_stored
from .store import LOCK_SECONDS, Claim, Lookup

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from flask.wrappers import Request, Response

    from .flight import Outcome
    from .view import CachedView
    from .ways import Way

#: Seconds between two looks at what another process computes: the first, and the longest.
PAUSES = (0.02, 0.2)

#: The keys that the current request computes. It must not wait for itself, where a view calls another of the same key.
_computing: ContextVar[frozenset[str]] = ContextVar("aeros_compat.computing", default=frozenset())


class Call:
    """One call of a cached view."""

    def __init__(self, cached: CachedView, way: Way, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.cached = cached
        self.options = cached.options
        self.store = cached.store
        self.flights = cached.caching.flights
        self.way = way
        self.args = args
        self.kwargs = kwargs
        self.request: Request = flask_request_var.get().request  # the proxy costs at each use
        self.lookup: Lookup

    def count(self, name: str) -> None:
        self.cached.caching.counter.add(name)

    async def answer(self) -> Any:
        """What Flask is given as the return value of the view."""
        reason = self.why_bypassed()
        if reason is not None:
            self.count("bypassed")
            return await self.bypass(reason)
        self.lookup = self.cached.lookup(self.request, self.args, self.kwargs)
        if self.is_true(self.options.forced_update, *self.args, **self.kwargs):
            claim = await self.way.call(partial(self.store.claim, locks=False), self.lookup, float("inf"))
            return await Computation(self, claim).run("request")
        found = await self.way.call(self.store.get, self.lookup)
        if found is None or not found.suits(self.request):
            return await self.compute_once("uri-miss" if found is None else "vary-miss")
        return await self.answer_with(found)

    def why_bypassed(self) -> str | None:
        unless = self.options.unless
        if unless is not None:
            args = (self.cached.view, *self.args) if wants_args(unless) else ()
            if unless(*args, **(self.kwargs if args else {})) is True:
                return "unless"
        return why_not_asked(
            self.request,
            own_key=self.options.has_own_key,
            any_method=self.options.make_cache_key is not None,
        )

    @staticmethod
    def is_true(question: Callable[..., Any] | None, *args: Any, **kwargs: Any) -> bool:
        """The answer of a callable of the user's, which may take no arguments, as flask-caching takes it."""
        if question is None:
            return False
        return (question(*args, **kwargs) if wants_args(question) else question()) is True

    async def bypass(self, reason: str) -> Any:
        rv = await self.way.view()
        if not self.options.response_hit_indication:
            return rv
        return self.marked(await self.way.response(rv), f"fwd={'method' if reason == 'method' else 'bypass'}", reason)

    # An entry is there.

    async def answer_with(self, found: Record) -> Any:
        if self.is_outdated(found):
            return await self.compute_once("stale", newer_than=found.stored)
        if found.ttl() > 0:
            return self.respond(found)
        if self.options.stale_while_revalidate <= 0 or -found.ttl() > self.options.stale_while_revalidate:
            return await self.compute_once("stale")
        if is_renewal(self.request, self.lookup.key):
            return await self.renew(found)
        if renew(self.cached.caching, self.way.loop(), self.request, self.lookup.key):
            return self.respond(found)
        return await self.compute_once("stale")

    def is_outdated(self, found: Record) -> bool:
        """What ``is_stale`` says of the response."""
        is_stale = self.options.is_stale
        if is_stale is None:
            return False
        more = (self.args, self.kwargs) if wants_extra_args(is_stale) else ((), {})
        return is_stale(found.response(), *more[0], **more[1]) is True

    async def renew(self, found: Record) -> Any:
        """The same request again, in the background: it waits for nobody."""
        if self.flights.join(self.lookup.key) is not Place.FIRST:
            return found.response()
        rv = await self.lead("stale", waits=False)
        return found.response() if rv is None else rv

    # An entry has to be made.

    async def compute_once(self, why: str, newer_than: float = 0.0) -> Any:
        """Compute it, or wait for who does."""
        place = self.flights.join(self.lookup.key) if self.may_wait() else Place.ALONE
        outcome = place if isinstance(place, Place) else await self.wait(place)
        if isinstance(outcome, Record) and outcome.suits(self.request):
            return self.respond(outcome, f"fwd={why}; collapsed")
        if outcome is Place.FIRST:
            return await self.lead(why, newer_than)
        claim = await self.way.call(partial(self.store.claim, locks=False), self.lookup, newer_than)
        if claim.record is not None and claim.record.suits(self.request):
            return self.respond(claim.record, f"fwd={why}; collapsed")
        return await Computation(self, claim).run(why)

    def may_wait(self) -> bool:
        """Whether another may be waited for."""
        return self.way.may_wait() and self.lookup.key not in _computing.get()

    async def wait(self, future: Future[Outcome]) -> Outcome:
        """Stand in line, but not for ever."""
        try:
            return await self.way.wait(future, WAIT_SECONDS)
        except TimeoutError:
            self.flights.leave(self.lookup.key, future)
            return Place.ALONE
        except BaseException:
            self.flights.leave(self.lookup.key, future)
            raise

    async def lead(self, why: str, newer_than: float = 0.0, *, waits: bool = True) -> Any:
        """Be the one whom the others wait for. Without ``waits``, None if another process is it."""
        key = self.lookup.key
        outcome: Record | Ended = Ended.LEFT
        try:
            claim = await self.claim(newer_than, LOCK_SECONDS if waits else 0.0)
            if claim.busy and not waits:
                return None
            if claim.record is not None and claim.record.suits(self.request):
                outcome = claim.record
                return self.respond(outcome, f"fwd={why}; collapsed")
            computation = Computation(self, claim)
            token = _computing.set(_computing.get() | {key})
            try:
                return await computation.run(why)
            finally:
                _computing.reset(token)
                outcome = computation.outcome
        finally:
            self.flights.end(key, outcome)

    async def claim(self, newer_than: float, patience: float) -> Claim:
        """The right to compute, or what another process has computed, or neither after ``patience`` seconds."""
        end = time.monotonic() + patience
        pause, longest = PAUSES
        while True:
            claim = await self.way.call(self.store.claim, self.lookup, newer_than, undo=self.store.release)
            if not claim.busy or time.monotonic() >= end:
                return claim
            await self.way.pause(pause)
            pause = min(pause * 2, longest)

    # Responses.

    def respond(self, record: Record, state: str = "hit") -> Response:
        """The response of an entry. ``state`` is for ``Cache-Status``."""
        ttl = record.ttl()
        self.count("hits" if ttl > 0 else "stale")
        response = self.marked(record.response(), state, ttl=ttl)
        if self.options.response_hit_indication:
            response.headers["hit_cache"] = "True"
        if record.is_conditional:
            response.make_conditional(self.request.environ)
        return response

    def marked(self, response: Response, state: str, detail: str = "", ttl: float = math.inf) -> Response:
        """Say what the cache has done, if the view asks for it (RFC 9211)."""
        if self.options.response_hit_indication:
            ending = f"; ttl={math.floor(ttl)}" if ttl != math.inf else ""
            ending += f"; detail={detail}" if detail else ""
            response.headers["Cache-Status"] = f"aeros_compat; {state}{ending}"
        return response


class Computation:
    """The view is called, and what it gives is stored if it may be. ``outcome`` is for those who wait."""

    def __init__(self, call: Call, claim: Claim) -> None:
        self.call = call
        self.claim = claim
        self.outcome: Record | Ended = Ended.LEFT

    async def run(self, why: str) -> Any:
        call = self.call
        call.count("misses")
        is_stored = False
        forget_cookies()
        try:
            rv = await call.way.view()
            response = await call.way.response(rv)
            refusal = self.refusal(rv, response)
            if refusal is None:
                self.outcome = record = self.record(rv, response)
                is_stored = True
                keep_stale = call.options.stale_while_revalidate
                await call.way.call(call.store.put, call.lookup, record, self.claim, keep_stale)
                return call.marked(response, f"fwd={why}; stored")
            self.outcome = Ended.FAILED if refusal == "partial" else Ended.NOT_SHARED
            return call.marked(response, f"fwd={why}", refusal)
        except HTTPException:
            self.outcome = Ended.NOT_SHARED
            raise
        except Exception:
            self.outcome = Ended.FAILED
            raise
        finally:
            if not is_stored and self.claim.lock is not None:
                call.way.send(call.store.release, self.claim)

    def refusal(self, rv: Any, response: Response) -> str | None:
        options = self.call.options
        filtered = options.response_filter is not None
        if options.response_filter is not None and not options.response_filter(rv):
            return "filter"
        return why_not_stored(response, own_key=options.has_own_key, filtered=filtered)

    def record(self, rv: Any, response: Response) -> Record:
        call = self.call
        seconds = call.options.timeout
        if isinstance(rv, CachedResponse):
            seconds = normalize_timeout(rv.timeout) or seconds
        if seconds is None:
            seconds = call.store.default_timeout
        record = Record.of(response, call.request, seconds, self.claim.tags or {})
        if record.vary:
            call.cached.learn_vary(set(record.vary))
            call.lookup = replace(call.lookup, variant=call.cached.variant(call.request))
        return record
