"""What the parts of the API share."""

import functools
from datetime import date
from urllib.parse import urlencode

from flask import abort, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from ..pagination import Page


class InvalidInput(Exception):
    """The JSON is well formed but its fields are not: ``fields`` says what is wrong with each."""

    def __init__(self, fields):
        super().__init__(fields)
        self.fields = fields


def token_required(view):
    @functools.wraps(view)
    def wrapped_view(*args, **kwargs):
        if g.user is None:
            raise Unauthorized("Send a token of yours.", www_authenticate=WWWAuthenticate("bearer"))
        return view(*args, **kwargs)

    return wrapped_view


def json_object():
    data = request.get_json()
    if not isinstance(data, dict):
        abort(400, "The body has to be a JSON object.")
    return data


def page_of(total, fetch):
    """A page of a list, with links to its neighbours."""
    size = request.args.get("per_page", type=int)
    page = Page(total, min(max(size, 1), 200) if size else None)

    def link(number):
        if number is None:
            return None
        return f"{request.base_url}?{urlencode({**request.args.to_dict(), 'page': number})}"

    return {
        "items": fetch(page.size, page.offset),
        "page": page.number,
        "pages": page.count,
        "total": total,
        "next": link(page.next),
        "previous": link(page.previous),
    }


def check_text(data, errors, name, longest, required=True):
    value = data.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or not value.strip():
        errors[name] = "has to be a text that is not empty"
    elif len(value) > longest:
        errors[name] = f"has to have at most {longest} characters"
    return value


def check_choice(data, errors, name, choices, default=None):
    value = data.get(name, default)
    if value not in choices:
        errors[name] = f"has to be one of: {', '.join(choices)}"
    return value


def check_date(data, errors, name):
    value = data.get(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        errors[name] = "has to be a date such as 2024-03-31"
