"""An ASGI server for Flask applications: swap one line, convert views one at a time."""

from .webserver import WebServer

__all__ = ["WebServer"]
