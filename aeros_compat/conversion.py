"""Objects of Flask's that become objects of this package in place, because others hold references to them."""

from __future__ import annotations

import types
from typing import Any


def add_class(obj: Any, added: type) -> None:
    """Give ``obj`` the methods of ``added``, a class that stands on the one that ``obj`` should have come from.

    A subclass of the user's keeps what it overrides: it comes first, and its ``super()`` leads to ``added``.
    """
    own = type(obj)
    if issubclass(own, added):
        return
    if own in added.__mro__:
        obj.__class__ = added
    else:
        names = {"__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
        obj.__class__ = types.new_class(own.__name__, (own, added), exec_body=lambda namespace: namespace.update(names))
