"""What the access log is told of a request: its lane, its client, and its waits for a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .threads import Timed

#: Where the scope has the record of its request, if somebody wants one.
RECORD = "aeros_compat.record"


class Record:
    """One request. It refers to nothing that refers back to it: requests are freed without the garbage collector."""

    #: ``sync``, ``async``, or empty as long as no lane has taken the request.
    lane = ""
    #: The client's address and port as the application sees them, behind a ``ProxyFix`` too; None if there are none.
    client: tuple[str, int] | None = None
    #: Its place on a thread, as soon as it has one.
    place: Timed | None = None

    @property
    def waited(self) -> float:
        """Seconds for which it has waited for threads until now."""
        return 0.0 if self.place is None else self.place.waited
