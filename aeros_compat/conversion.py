"""Objects of Flask's that become objects of this package in place, because others hold references to them."""

from __future__ import annotations

import types
from typing import Any

from flask import Flask

from .arguments import own_settings
from .names import check_attributes
from .upstream import has_begun_serving


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


def check_convertible(app: object, cls: type[Flask], settings: dict[str, Any]) -> None:
    """Raises TypeError or RuntimeError for an application that cannot become a ``cls`` with these settings."""
    if not isinstance(app, Flask):
        raise TypeError(f"from_flask() takes a flask.Flask object, not {app!r}. Another application can be mounted.")
    if isinstance(app, cls):
        if settings:
            raise TypeError(f"{app!r} is a WebServer already: give {', '.join(settings)} to its constructor.")
        return
    for name in settings:
        if name not in own_settings(cls):
            raise TypeError(
                f"from_flask() takes {', '.join(own_settings(cls))}, not {name!r}, which is Flask's or nobody's."
            )
    if type(app).__call__ is not Flask.__call__:
        raise TypeError(
            f"{type(app).__name__} overrides __call__, which ASGI servers do not call with an environ. Override"
            " wsgi_app, as Flask advises."
        )
    check_attributes(app)
    if has_begun_serving(app):
        raise RuntimeError(
            f"{app!r} has handled a request already. Call WebServer.from_flask(app) where the application is made."
        )
