"""``EasyRequest``: the current request, under the few names that most views need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
import quart

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from werkzeug.datastructures import Headers, ImmutableMultiDict, MultiDict

    Values = MultiDict[str, str]


class _EasyRequest:
    """What it shows is looked up at each access, in the context of the request: nothing is kept anywhere."""

    @property
    def headers(self) -> Headers:
        """The request's headers."""
        return flask.request.headers

    @property
    def params(self) -> Values:
        """The parameters of the query string."""
        return flask.request.args

    @property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """The request's cookies."""
        return flask.request.cookies

    @property
    def form(self) -> Awaitable[Values]:
        """``await EasyRequest.form``: the fields of a form body."""
        return quart.request.form

    @property
    def json(self) -> Awaitable[Any]:
        """``await EasyRequest.json``: the decoded JSON body. A body that is no JSON is answered as Flask does."""
        return quart.request.get_json()

    def __repr__(self) -> str:
        return f"<EasyRequest of {flask.request!r}>" if flask.has_request_context() else "<EasyRequest, no request>"


#: A proxy to the current request, in sync and in async views.
EasyRequest = _EasyRequest()
