"""What has no counterpart becomes ``await sync_to_async(f)(…)``: it runs where it ran, on the request's thread.

In an async view of a WebServer that is one thread for the whole request, with the request's context; what belongs to
the thread that made it, such as a connection of sqlite3, meets that thread again.
"""

from __future__ import annotations

from ..rule import Rule

RULE = Rule("thread", "calls without a counterpart, or of which nothing is known → sync_to_async")
