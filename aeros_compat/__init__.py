"""An ASGI server for Flask applications: swap one line, convert views one at a time."""

from .garbage import not_collecting

with not_collecting():  # what is imported stays
    from flask_compress import Compress

    from .caching.backends import FileSystemCache, FilesystemCache, RedisCache, SimpleCache
    from .caching.cache import Cache
    from .caching.control import CacheControl, CacheTypes
    from .easy_request import EasyRequest
    from .limits.limits import request_timeout
    from .misc import async_to_sync, sync_to_async
    from .policy.compression import Br, Compression, Gzip, Zstd
    from .policy.cors import CORS
    from .serving.server import AdvancedThread
    from .webserver import WebServer

__all__ = [
    "AdvancedThread",
    "Br",
    "CORS",
    "Cache",
    "CacheControl",
    "CacheTypes",
    "Compress",
    "Compression",
    "EasyRequest",
    "FileSystemCache",
    "FilesystemCache",
    "Gzip",
    "RedisCache",
    "SimpleCache",
    "WebServer",
    "Zstd",
    "async_to_sync",
    "request_timeout",
    "sync_to_async",
]
