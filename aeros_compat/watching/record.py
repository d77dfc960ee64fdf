"""What one request has cost: its lane, its time, its waits for a thread.

Nothing here exists while nobody watches and nobody logs: see ``WebServer.record_requests``.
"""

from __future__ import annotations

#: Where a scope has the record of its request.
RECORD = "aeros_compat.record"


class Record:
    """One request. Times are seconds.

    The defaults stand on the class, because making a record is part of what being watched costs each request.
    """

    #: ``sync``, ``async``, ``mount``, or empty as long as no lane has taken the request.
    lane = ""
    method = ""
    #: The rule as it was registered, or what stands for requests without one.
    rule = ""
    endpoint = ""
    #: Address of the client as the application sees it, behind a ``ProxyFix`` too.
    client = ""
    status = 0
    failed = False
    #: From the lane's start to its answer without waiting for threads: hooks, view and teardown.
    worked = 0.0
    #: Jobs on threads, the time that they waited for one, and the time that they took.
    hops = 0
    waited = 0.0
    on_thread = 0.0
