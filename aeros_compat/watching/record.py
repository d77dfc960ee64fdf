"""What one request has cost: its lane, its time, its waits for a thread.

Nothing here exists while nobody watches and nobody logs: see ``WebServer.record_requests``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..routing import Match

#: Where a scope has the record of its request.
RECORD = "aeros_compat.record"


class Record:
    """One request. Times are seconds.

    The defaults stand on the class, because making a record is part of what being watched costs each request. It refers
    to nothing that refers back to it, so that requests are freed without the garbage collector.
    """

    #: ``sync``, ``async``, or empty as long as no lane has taken the request.
    lane = ""
    method = ""
    match: Match | None = None
    #: The prefix of the WSGI application below which it fell.
    mount = ""
    #: The client's address and port as the application sees them, behind a ``ProxyFix`` too; None if there are none.
    client: tuple[str, int] | None = None
    #: The status line of the answer.
    status = ""
    #: Whether it ended in an exception that nobody has made a response of.
    failed = False
    #: From the lane's start to its answer without waiting for threads: hooks, view and teardown.
    worked = 0.0
    #: Jobs on threads, the time that they waited for one, and the time that they took.
    hops = 0
    waited = 0.0
    on_thread = 0.0
