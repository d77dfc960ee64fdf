"""Objects of the user's modules that belong to one thread, or to one event loop."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .source import assignment_in
from .values import is_a, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from .source import Place


@dataclass(frozen=True)
class Shared:
    """An object at the top level of a module."""

    name: str
    object: Any
    #: The class of the object.
    kind: str
    place: Place | None


def thread_locals_in(modules: Iterable[ModuleType]) -> Iterator[Shared]:
    """``threading.local`` objects, and sessions of SQLAlchemy's that are kept by thread."""
    return _found(modules, _is_thread_local)


def bound_to_loop_in(modules: Iterable[ModuleType]) -> Iterator[Shared]:
    """Event loops, and tasks and futures of one."""
    return _found(modules, lambda value: is_a(value, asyncio.AbstractEventLoop, asyncio.Future))


def async_clients_in(modules: Iterable[ModuleType]) -> Iterator[Shared]:
    """Clients with a pool of connections that belongs to the loop that has used it first."""
    return _found(modules, lambda value: any(name_of(cls) in _CLIENTS for cls in type(value).__mro__))


_CLIENTS = frozenset(
    {
        "aiohttp.client.ClientSession",
        "asyncpg.pool.Pool",
        "httpx.AsyncClient",
        "psycopg_pool.pool_async.AsyncConnectionPool",
        "redis.asyncio.client.Redis",
        "sqlalchemy.ext.asyncio.engine.AsyncEngine",
    }
)


def _is_thread_local(value: Any) -> bool:
    if is_a(value, threading.local):
        return True
    names = [name_of(cls) for cls in type(value).__mro__]
    if "sqlalchemy.orm.scoping.scoped_session" not in names:
        return False
    return type(value.registry).__name__ == "ThreadLocalRegistry"


def _found(modules: Iterable[ModuleType], fits: Any) -> Iterator[Shared]:
    """Each object once, under the name of the module that makes it."""
    seen: dict[int, Shared] = {}
    for module in modules:
        for name, value in list(vars(module).items()):
            if not fits(value):
                continue
            place = assignment_in(module, name)
            if id(value) not in seen or (seen[id(value)].place is None and place is not None):
                seen[id(value)] = Shared(f"{module.__name__}.{name}", value, name_of(type(value)), place)
    yield from seen.values()
