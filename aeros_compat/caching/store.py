"""The backend as the views behind it see it: records in and out, and no failure of the backend reaches a request.

Every method may block, except with a backend in memory. See :mod:`.ways` for who calls them where.

Tags are version tokens. A record has the tokens of its tags from before its computation began; clearing a tag replaces
the token, and every record that has another one counts as missing. So what is being computed from old data when a tag
is cleared is not served either. A token that the backend has thrown away is made anew: too much is cleared, never too
little. ``EVERYTHING`` is the tag of all records.
"""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from flask_caching.backends import RedisClusterCache

from ..upstream import redis_of
from .backends import outages
from .record import Record

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from .stats import Counter

T = TypeVar("T")

EVERYTHING = "*"

#: Seconds for which a backend that has failed is left alone. Requests are served without it meanwhile.
REST_SECONDS = 1.0

#: Seconds between two warnings about a backend that is gone.
WARNING_SECONDS = 60.0

#: Seconds after which another process may compute an entry that one had begun to.
LOCK_SECONDS = 10.0

#: Tokens outlive the records that have them; records that live longer end with them.
TAG_SECONDS = 366 * 24 * 3600

#: Entries whose records are kept as they have been decoded, and the most bytes of each.
KEPT_RECORDS, KEPT_SIZE = 100, 64 * 1024

#: Backends drop an entry up to a second early, because they count whole seconds.
MARGIN_SECONDS = 1


class Unavailable(Exception):
    """The backend is gone, or was a moment ago."""


@dataclass(frozen=True)
class Lookup:
    """What is looked up: an entry, in the variant for some request headers, and its tags."""

    entry: str
    variant: str = ""
    tags: tuple[str, ...] = ()

    @cached_property
    def key(self) -> str:
        return self.entry + self.variant

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The tags that a record must have the tokens of."""
        return EVERYTHING, *self.tags

    @cached_property
    def keys(self) -> list[str]:
        """What the backend is asked for: the record, and those tokens."""
        return [self.key, *map(_tag_key, self.names)]


class Claim(NamedTuple):
    """The answer to one who wants to compute an entry.

    ``record``: somebody else has computed it meanwhile. ``busy``: another process does. Else it is the caller's turn.
    ``tags`` are the tokens for the record (None: it cannot be stored), ``lock`` is what other processes wait for.
    """

    record: Record | None = None
    busy: bool = False
    tags: dict[str, str] | None = None
    lock: Any = None


class Store:
    """``logger`` hears when the backend goes and comes back."""

    def __init__(self, backend: Any, logger: logging.Logger, counter: Counter) -> None:
        self.backend = backend
        self._logger = logger
        self._counter = counter
        self._lock = threading.Lock()
        self._rests_until = 0.0
        self._warned_at: float | None = None
        self._is_out = False
        self._decoded: dict[str, tuple[bytes, Record]] = {}

    @property
    def default_timeout(self) -> int:
        """Seconds for which an entry is fresh, where its view does not say."""
        return int(self.backend.default_timeout)

    def get(self, lookup: Lookup) -> Record | None:
        """The record, fresh or stale, or None if there is none or the backend is gone."""
        try:
            record, tags = self._attempt(partial(self._read, lookup))
        except Unavailable:
            return None
        return record if record is not None and record.tags == tags else None

    def claim(self, lookup: Lookup, newer_than: float = 0.0, *, locks: bool = True) -> Claim:
        """Ask for the right to compute an entry. A fresh record stored after ``newer_than`` makes it needless.

        Without ``locks`` other processes may compute it too, and nobody is asked.
        """
        lock = self._lock_of(lookup.key) if locks else None
        try:
            return self._attempt(lambda: self._claim(lookup, newer_than, lock))
        except Unavailable:
            return Claim()

    def put(self, lookup: Lookup, record: Record, claim: Claim, keep_stale: int) -> None:
        """Store a record, for ``keep_stale`` seconds longer than it is fresh, and give the right back."""
        if claim.tags is None or self._rests():  # the tokens could not be read, so this could not be cleared
            return
        timeout = int(record.ttl()) + MARGIN_SECONDS + keep_stale if record.expires else 0
        with suppress(Unavailable):
            self._attempt(lambda: self._write(lookup.key, record.encode(), timeout))
            self._counter.add("stored")
        self.release(claim)

    def release(self, claim: Claim) -> None:
        """Give the right to compute an entry back."""
        if claim.lock is not None and not self._rests():
            with suppress(*outages()):  # or it has run out, and another process has it
                claim.lock.release()

    def clear(self, tag: str | None = None) -> bool:
        """Make every record, or those with ``tag``, count as missing; whether the backend could be told."""
        with suppress(Unavailable):
            self._attempt(lambda: self._clear(tag), even_if_resting=True)
            return True
        return False

    # What may raise.

    def _read(self, lookup: Lookup) -> tuple[Record | None, dict[str, str]]:
        names, keys = lookup.names, lookup.keys
        try:
            # One command for all; the nodes of a cluster have some each.
            found = (
                [self.backend.get(key) for key in keys]
                if isinstance(self.backend, RedisClusterCache)
                else self.backend.get_many(*keys)
            )
        except outages():
            raise
        except Exception:
            # Something that cannot be unpickled: of another version, or somebody else's.
            self._logger.debug("Entries of the cache cannot be read; they are replaced.", exc_info=True)
            for key in keys:
                self.backend.delete(key)
            return None, {}
        tokens = {name: token for name, token in zip(names, found[1:], strict=True) if isinstance(token, str)}
        return self._record(lookup.key, found[0]), tokens

    def _record(self, key: str, data: object) -> Record | None:
        """What ``data`` decodes to: the same record as the last time, if it is the same data."""
        kept = self._decoded.get(key)
        if kept is not None and kept[0] == data:
            return kept[1]
        record = Record.decode(data)
        if record is not None and isinstance(data, bytes) and len(data) <= KEPT_SIZE:
            if len(self._decoded) >= KEPT_RECORDS:
                self._decoded.clear()
            self._decoded[key] = data, record
        return record

    def _claim(self, lookup: Lookup, newer_than: float, lock: Any) -> Claim:
        if lock is not None and not lock.acquire(blocking=False):
            return self._look_again(lookup, newer_than, busy=True)
        claim = Claim()
        try:
            claim = self._look_again(lookup, newer_than, busy=False)
        finally:
            if claim.tags is None:
                self.release(Claim(lock=lock))
        return claim._replace(lock=lock) if claim.tags is not None else claim

    def _look_again(self, lookup: Lookup, newer_than: float, *, busy: bool) -> Claim:
        record, tags = self._read(lookup)
        if record is not None and record.tags == tags and record.stored > newer_than and record.ttl() > 0:
            return Claim(record=record)
        for name in lookup.names:
            if name not in tags:
                tags[name] = self._new_token(name)
        return Claim(busy=busy, tags=tags)

    def _lock_of(self, key: str) -> Any:
        redis = redis_of(self.backend)
        if redis is None:
            return None
        client, prefix = redis
        # SET NX PX with a token, and a script that deletes the key only where the token is still ours.
        return client.lock(f"{prefix}{key}:lock", timeout=LOCK_SECONDS, thread_local=False)

    def _new_token(self, name: str) -> str:
        token = uuid.uuid4().hex
        if self.backend.add(_tag_key(name), token, timeout=TAG_SECONDS):
            return token
        return str(self.backend.get(_tag_key(name)))

    def _write(self, key: str, value: object, timeout: int) -> None:
        if self.backend.set(key, value, timeout=timeout) is False:
            raise OSError("The backend of the cache has refused an entry.")

    def _clear(self, tag: str | None) -> None:
        self._write(_tag_key(EVERYTHING if tag is None else tag), uuid.uuid4().hex, TAG_SECONDS)
        self._decoded.clear()
        if tag is None:
            self.backend.clear()

    # Going without.

    def _rests(self) -> bool:
        return time.monotonic() < self._rests_until

    def _attempt(self, operation: Callable[[], T], *, even_if_resting: bool = False) -> T:
        if self._is_out and not even_if_resting:
            self._be_the_one_who_tries()
        try:
            result = operation()
        except Exception as error:
            self._is_gone(error)
            raise Unavailable from error
        if self._is_out:
            self._is_back()
        return result

    def _be_the_one_who_tries(self) -> None:
        """Of all who find the backend gone, one at a time may spend its time on it; others raise Unavailable."""
        with self._lock:
            if self._rests():
                raise Unavailable
            self._rests_until = time.monotonic() + REST_SECONDS

    def _is_gone(self, error: Exception) -> None:
        now = time.monotonic()
        self._counter.add("errors")
        with self._lock:
            self._is_out = True
            self._rests_until = now + REST_SECONDS
            warn = self._warned_at is None or now - self._warned_at >= WARNING_SECONDS
            if warn:
                self._warned_at = now
        if warn:
            self._logger.warning(
                "The cache is out of reach (%s: %s). Requests are served without it until it is back.",
                type(error).__name__,
                error,
            )

    def _is_back(self) -> None:
        with self._lock:
            self._is_out = False
            self._rests_until = 0.0
        self._logger.info("The cache is in reach again.")


@lru_cache(1000)
def _tag_key(name: str) -> str:
    # Hashed, because Memcached takes no blanks.
    return "tag:" + hashlib.sha256(name.encode()).hexdigest()
