"""An ASGI server for Flask applications: swap one line, convert views one at a time."""

from .caching.backends import FileSystemCache, FilesystemCache, RedisCache, SimpleCache
from .caching.cache import Cache
from .caching.control import CacheControl, CacheTypes
from .easy_request import EasyRequest
from .misc import async_to_sync, sync_to_async
from .serving.server import AdvancedThread
from .webserver import WebServer

__all__ = [
    "AdvancedThread",
    "Cache",
    "CacheControl",
    "CacheTypes",
    "EasyRequest",
    "FileSystemCache",
    "FilesystemCache",
    "RedisCache",
    "SimpleCache",
    "WebServer",
    "async_to_sync",
    "sync_to_async",
]
