"""What the doctor knows of an application that a report is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from .ranking import Wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..doctor.application import Application


def waits_of(application: Application) -> dict[tuple[str, str], tuple[Wait, ...]]:
    """The blocking calls of every view, by endpoint and method, whichever lane it takes."""
    methods = {rule.endpoint: rule.methods or () for rule in application.app.url_map.iter_rules()}
    found: dict[tuple[str, str], tuple[Wait, ...]] = {}
    for handler in application.handlers:
        if handler.kind != "view":
            continue
        endpoint, _, method = handler.name.partition(" ")
        waits = {
            call.place: Wait(call.text, str(call.place), call.kind.rule, call.kind.instead)
            for call in application.calls_of(handler, handler.function).blocking
        }
        for name in [method] if method else methods.get(endpoint, ()):
            found[endpoint, name] = tuple(waits.values())
    return found


def routes_by_path(application: Application) -> Callable[[str, str], tuple[str, str]]:
    """Rule and endpoint for a method and a path. The converters of the URL map are run."""
    adapter = application.app.url_map.bind(application.app.config["SERVER_NAME"] or "localhost")

    def route_of(method: str, path: str) -> tuple[str, str]:
        try:
            rule, _ = adapter.match(path, method, return_rule=True)
        except (HTTPException, RequestRedirect):
            return "(no route)", ""
        return rule.rule, rule.endpoint

    return route_of
