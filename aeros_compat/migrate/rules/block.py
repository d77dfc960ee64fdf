"""A statement that cannot be awaited in parts becomes a function, which runs on the request's thread as a whole.

``with`` statements hold something while they run: a lock held across an ``await`` stops all others. ``for`` loops over
what may be lazy, a cursor or a generator, would run it on the event loop.
"""

from __future__ import annotations

from ..rule import Rule

RULE = Rule("block", "with statements and loops that must stay together → a function on the thread")
