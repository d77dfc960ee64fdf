"""The policies of one application, one around the other: only those that are switched on are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .compression import Compression
from .compressor import CompressionLayer
from .cors import CORS, CORSLayer
from .headers import HeadersLayer, encoded_headers

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ..quart_side.core import Core
    from ..types import ASGIApp, Receive, Scope, Send


def policy_around(
    core: Core, *, compression: object, cors: object, global_headers: object, include_server_header: object
) -> ASGIApp:
    """The ASGI application that calls ``core.asgi_app`` and gives its responses what every response gets.

    Raises TypeError or ValueError for a setting that cannot be.
    """
    app = _calling(core)
    chosen = Compression.of(compression)
    if chosen is not None:
        core.config.update(chosen.config)
        app = CompressionLayer(app, core)
    sharing = CORS.of(cors)
    if sharing is not None:
        app = CORSLayer(app, sharing)
    headers = encoded_headers(global_headers)
    if not isinstance(include_server_header, bool):
        raise TypeError(f"include_server_header is True or False, not {include_server_header!r}.")
    if headers or not include_server_header:
        app = HeadersLayer(app, headers, hides_server=not include_server_header)
    return app


def _calling(core: Core) -> ASGIApp:
    def call(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # Looked up for each request: extensions of Quart wrap it.
        return core.asgi_app(scope, receive, send)

    return call
