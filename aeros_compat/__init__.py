"""An ASGI server for Flask applications: swap one line, convert views one at a time."""

from .serving.server import AdvancedThread
from .webserver import WebServer

__all__ = ["AdvancedThread", "WebServer"]
