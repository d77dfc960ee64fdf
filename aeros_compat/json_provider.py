"""Flask's JSON, byte for byte, without the work that is the same for every request.

``json.dumps`` makes an encoder for each call that has settings, and Flask's always has; a response checks a status and
headers that are known. Together that is half of what a small JSON answer costs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from flask import Response
from flask.json.provider import DefaultJSONProvider

from .upstream import new_response

if TYPE_CHECKING:
    from flask import Flask


class JSONProvider(DefaultJSONProvider):
    """What ``app.json`` is, unless the application sets a provider of its own."""

    #: The settings that :attr:`_encoder` was made with, and it.
    _kept: tuple[tuple[Any, ...], json.JSONEncoder] | None = None

    @classmethod
    def take_over(cls, app: Flask) -> None:
        """Make an application's provider one of this class, in place, if it is Flask's own."""
        if type(app.json) is DefaultJSONProvider:
            app.json.__class__ = cls

    def dumps(self, obj: Any, *, separators: Any = None, indent: Any = None, **kwargs: Any) -> str:
        """What Flask's ``DefaultJSONProvider.dumps`` returns, and raises."""
        if kwargs:
            return super().dumps(obj, separators=separators, indent=indent, **kwargs)
        settings = (self.default, self.ensure_ascii, self.sort_keys, separators, indent)
        kept = self._kept
        if kept is None or kept[0] != settings:
            encoder = json.JSONEncoder(
                default=self.default,
                ensure_ascii=self.ensure_ascii,
                sort_keys=self.sort_keys,
                separators=separators,
                indent=indent,
            )
            kept = self._kept = (settings, encoder)
        return kept[1].encode(obj)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """What Flask's ``DefaultJSONProvider.response`` returns, and raises."""
        app: Any = self._app
        if kwargs or len(args) != 1 or self.mimetype != "application/json" or app.response_class is not Response:
            return cast("Response", super().response(*args, **kwargs))
        return new_response(json_text(app, self, args[0]).encode(), self.mimetype)


def json_text(app: Flask, provider: DefaultJSONProvider, obj: Any) -> str:
    """The body of a JSON response, as Flask's ``DefaultJSONProvider.response`` writes it."""
    if provider.compact or (provider.compact is None and not app.debug):
        return f"{provider.dumps(obj, separators=(',', ':'))}\n"
    return f"{provider.dumps(obj, indent=2)}\n"
