"""What a server that ends still gives to clients who may not know that it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uvicorn

#: Seconds in which an ending server still answers requests on connections that it has accepted. A client that has
#: connected, or keeps a connection, may have sent one already: three trips of 150 ms, as for TLS and a request.
LAST_REQUESTS = 0.5

#: Seconds until a server that ends has looked once more at its connections: an event loop that was kept from running
#: finds that a time is over before it finds what has come meanwhile.
AGAIN = 0.02


def time_for_requests(config: uvicorn.Config) -> float:
    """``LAST_REQUESTS`` seconds, or what the server has for its end if that is less."""
    allowed = config.timeout_graceful_shutdown
    return LAST_REQUESTS if allowed is None else min(LAST_REQUESTS, allowed)
