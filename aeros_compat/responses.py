"""Response objects of Quart, turned into those of the application's own (Flask's) class.

Hooks written for Flask get an object with Flask's methods, whichever framework's response a view returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart.wrappers.response import DataBody, FileBody
from quart.wrappers.response import Response as QuartResponse

from .gateway.answer import stream
from .gateway.files import BLOCK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from flask.wrappers import Response

    from .webserver import WebServer


def from_quart(response: QuartResponse, response_class: type[Response]) -> Response:
    """The same status, headers and body as a ``response_class``. A body that is not there yet stays a stream."""
    body: Any = response.response
    if isinstance(body, DataBody):
        return response_class(body.data[body.begin : body.end], status=response.status, headers=response.headers)
    if isinstance(body, FileBody):
        body.buffer_size = max(body.buffer_size, BLOCK)  # each block is a hop to a thread
    converted = response_class(status=response.status, headers=response.headers)
    stream(converted, _pieces(body))
    return converted


async def response_of(app: WebServer, rv: Any) -> Response:
    """``app.make_response`` for code on the event loop. An application's own may block, so it is called on a thread."""
    if app.overrides("make_response"):
        response: Response = await app.core.sync_to_async(app.make_response)(rv)
        return response
    return app.make_response(rv)


async def _pieces(body: Any) -> AsyncIterator[Any]:
    async with body as pieces:
        async for piece in pieces:
            yield piece
