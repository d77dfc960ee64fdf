"""The caches of Aeros: flask-caching's backends, with their settings as arguments."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flask_caching.backends import FileSystemCache as FileSystemBackend

from ..upstream import unfinished_files
from .cache import Cache
from .seconds import Seconds, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Whether the package is installed with its extra "redis". That is imported when a cache on Redis is made, and not
#: before: it is a fifth of what importing everything else takes.
HAS_REDIS = importlib.util.find_spec("redis") is not None

#: Redis keys begin so, unless told otherwise: ``clear()`` removes what begins so, and nothing else of the database.
KEY_PREFIX = "aeros_compat:"

#: Seconds after which a file of a directory that nobody has written to is not being written any more.
UNFINISHED_SECONDS = 10.0


class SimpleCache(Cache):
    """Entries in the memory of each process.

    :param timeout: seconds for which an entry is fresh, unless its view says otherwise; 0 is for ever.
    :param threshold: entries that are kept; the oldest go first.
    :raises TypeError: for an argument of a wrong type.
    :raises ValueError: for one out of range.
    """

    def __init__(self, timeout: Seconds = 10, threshold: int = 10) -> None:
        super().__init__(
            config={
                "CACHE_TYPE": "SimpleCache",
                "CACHE_DEFAULT_TIMEOUT": whole_seconds("timeout", timeout),
                "CACHE_THRESHOLD": _count("threshold", threshold, least=1),
            },
        )


class FileSystemCache(Cache):
    """Each entry in a file of its own, shared by the processes of a machine.

    :param directory: where the files are; it is made if it is not there, and must hold nothing else.
    :param timeout: seconds for which an entry is fresh, unless its view says otherwise; 0 is for ever.
    :param threshold: entries that are kept; 0 is any number.
    :raises TypeError: for an argument of a wrong type.
    :raises ValueError: for one out of range.
    """

    def __init__(self, directory: str | os.PathLike[str], timeout: Seconds = 300, threshold: int = 500) -> None:
        if not isinstance(directory, str | os.PathLike) or not os.fspath(directory):
            raise TypeError(f"FileSystemCache needs the path of a directory, not {directory!r}.")
        super().__init__(
            config={
                "CACHE_TYPE": f"{__name__}.DirectoryBackend",
                "CACHE_DIR": os.fspath(directory),
                "CACHE_DEFAULT_TIMEOUT": whole_seconds("timeout", timeout),
                "CACHE_THRESHOLD": _count("threshold", threshold, least=0),
            },
        )


#: Aeros's spelling.
FilesystemCache = FileSystemCache


class RedisCache(Cache):
    """Entries on a Redis server, shared by all processes that use it.

    :param host: a host name, or a URL (``redis://``, ``rediss://``, ``unix://``), which then has everything in it.
    :param port: the server's port.
    :param password: of the server, or of ``user``.
    :param db: the number of the database.
    :param timeout: seconds for which an entry is fresh, unless its view says otherwise; 0 is for ever.
    :param user: the name of a user, where the server has access control lists.
    :param key_prefix: what every key begins with.
    :param connect_timeout: seconds to wait for a connection, before a request is served without the cache.
    :param read_timeout: the same for an answer.
    :param sentinels: addresses ``(host, port)`` of Redis Sentinels, in place of ``host`` and ``port``.
    :param sentinel_master: the name of the server that the Sentinels watch.
    :param sentinel_password: of the Sentinels.
    :param cluster: addresses ``(host, port)`` of nodes of a Redis Cluster, in place of ``host`` and ``port``. The
        cluster has to be there when the application is constructed.
    :raises RuntimeError: if the package ``redis`` is not installed.
    :raises TypeError: for an argument of a wrong type.
    :raises ValueError: for one out of range, or arguments that contradict each other.
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int = 6379,
        password: str | None = None,
        db: int = 0,
        timeout: Seconds = 300,
        *,
        user: str | None = None,
        key_prefix: str = KEY_PREFIX,
        connect_timeout: float = 0.5,
        read_timeout: float = 0.5,
        sentinels: Sequence[tuple[str, int]] = (),
        sentinel_master: str = "mymaster",
        sentinel_password: str | None = None,
        cluster: Sequence[tuple[str, int]] = (),
    ) -> None:
        if not HAS_REDIS:
            raise RuntimeError("RedisCache needs the package redis: pip install 'aeros_compat[redis]'.")
        _check_address(host, port, password, user, sentinels, cluster)
        if not key_prefix:
            raise ValueError("key_prefix must not be empty: clear_cache() would clear the whole Redis database.")
        config: dict[str, Any] = {
            "CACHE_TYPE": "RedisCache",
            "CACHE_REDIS_PASSWORD": password,
            "CACHE_REDIS_DB": _count("db", db, least=0),
            "CACHE_KEY_PREFIX": key_prefix,
            "CACHE_DEFAULT_TIMEOUT": whole_seconds("timeout", timeout),
            "CACHE_OPTIONS": _options(user, connect_timeout, read_timeout),
        }
        if sentinels:
            config["CACHE_TYPE"] = "RedisSentinelCache"
            config["CACHE_REDIS_SENTINELS"] = [tuple(address) for address in sentinels]
            config["CACHE_REDIS_SENTINEL_MASTER"] = sentinel_master
            config["CACHE_REDIS_SENTINEL_PASSWORD"] = sentinel_password
        elif cluster:
            config["CACHE_TYPE"] = "RedisClusterCache"
            config["CACHE_REDIS_CLUSTER"] = ",".join(f"{host}:{port}" for host, port in cluster)
        elif "://" in host:
            config["CACHE_REDIS_URL"] = host
        else:
            config["CACHE_REDIS_HOST"] = host
            config["CACHE_REDIS_PORT"] = port
        super().__init__(config=config)


def outages() -> tuple[type[Exception], ...]:
    """What backends raise when they cannot be reached. Anything else is about one value."""
    redis: Any = sys.modules.get("redis.exceptions")
    return (OSError,) if redis is None else (OSError, redis.RedisError)


def _check_address(
    host: object, port: object, password: object, user: object, sentinels: object, cluster: object
) -> None:
    if not isinstance(host, str) or not host:
        raise TypeError(
            f"RedisCache needs the name of a host, or a URL such as 'redis://localhost:6379/0', not {host!r}."
        )
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port <= 65535:
        raise ValueError(f"port must be a number from 1 to 65535, not {port!r}.")
    if "://" in host and not host.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError(
            f"The URL of a Redis server begins with redis://, rediss:// or unix://, not {host.split(':')[0]}:."
        )
    if "://" in host and (password or user):
        raise ValueError("A Redis URL has user and password in it: redis://user:password@host:port/db.")
    if sentinels and cluster:
        raise ValueError("sentinels and cluster contradict each other; leave one of them out.")


def _options(user: str | None, connect_timeout: float, read_timeout: float) -> dict[str, Any]:
    """What redis-py's client is made with.

    One retry, at once: the first command after a restart of the server meets a connection that is dead. redis-py's own
    default waits for seconds, in which every request would wait too.
    """
    if connect_timeout <= 0 or read_timeout <= 0:
        raise ValueError("connect_timeout and read_timeout are seconds, and more than 0.")
    backoff, retry = importlib.import_module("redis.backoff"), importlib.import_module("redis.retry")
    options: dict[str, Any] = {
        "socket_connect_timeout": connect_timeout,
        "socket_timeout": read_timeout,
        "retry": retry.Retry(backoff.NoBackoff(), 1),
    }
    if user is not None:
        options["username"] = user
    return options


def _count(name: str, value: object, *, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value!r}.")
    return value


class DirectoryBackend(FileSystemBackend):
    """flask-caching's backend, which says so when its directory is gone.

    The original logs a traceback and goes on, for each request, and tries a directory that it may not use for ten
    seconds. One that was removed is made again. Writers of one process take turns: the original reports an entry that
    is cleared while it is written as a failure of the disk.
    """

    def __init__(self, cache_dir: str, *args: Any, **kwargs: Any) -> None:
        self.directory = cache_dir
        self._writing = threading.RLock()
        super().__init__(cache_dir, *args, **kwargs)

    def check(self) -> None:
        """Raise OSError if the directory cannot be used."""
        os.makedirs(self.directory, exist_ok=True)
        if not os.access(self.directory, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(f"The cache directory {self.directory!r} cannot be read and written.")

    def get(self, key: str) -> Any:
        self.check()
        return super().get(key)

    def has(self, key: str) -> bool:
        self.check()
        return super().has(key)

    def set(self, key: str, *args: Any, **kwargs: Any) -> bool:
        self.check()
        with self._writing:
            is_written = super().set(key, *args, **kwargs)
        if not is_written:
            self._remove_unfinished()
        return is_written

    def add(self, key: str, *args: Any, **kwargs: Any) -> bool:
        self.check()
        with self._writing:
            return super().add(key, *args, **kwargs)

    def delete(self, key: str, *args: Any, **kwargs: Any) -> bool:
        self.check()
        with self._writing:
            return super().delete(key, *args, **kwargs)

    def clear(self) -> bool:
        self.check()
        self._remove_unfinished()
        with self._writing:
            return super().clear()

    def _remove_unfinished(self) -> None:
        """Remove what a full disk, or a process that was killed, has left half written: the original never does."""
        for path in unfinished_files(self, self.directory):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime >= UNFINISHED_SECONDS:
                    path.unlink()
