"""An ASGI server for Flask applications: swap one line, convert views one at a time."""

from flask_compress import Compress

from .policy.compression import Br, Compression, Gzip, Zstd
from .policy.cors import CORS
from .serving.server import AdvancedThread
from .webserver import WebServer

__all__ = ["AdvancedThread", "Br", "CORS", "Compress", "Compression", "Gzip", "WebServer", "Zstd"]
