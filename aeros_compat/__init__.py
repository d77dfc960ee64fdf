"""An ASGI server for Flask applications: swap one line, convert views one at a time."""

from .caching.control import CacheControl, CacheTypes
from .easy_request import EasyRequest
from .misc import async_to_sync, sync_to_async
from .webserver import WebServer

__all__ = ["CacheControl", "CacheTypes", "EasyRequest", "WebServer", "async_to_sync", "sync_to_async"]
