"""What the doctor knows of an application that a report is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..callables import method_of, view_class_of
from ..doctor.handlers import Handler
from ..doctor.source import name_of_function
from .ranking import Code, Wait

if TYPE_CHECKING:
    from ..doctor.application import Application


def codes_of(application: Application) -> dict[tuple[str, str], Code]:
    """The place of every view and its blocking calls, by rule and method, whichever lane it takes."""
    app = application.app
    found: dict[tuple[str, str], Code] = {}
    for rule in app.url_map.iter_rules():
        view = app.view_functions.get(rule.endpoint)
        if view is not None and not rule.websocket:
            cls = view_class_of(view)
            for method in rule.methods or ():
                function = view if cls is None else method_of(cls, method)
                if (rule.rule, method) not in found:
                    found[rule.rule, method] = _read(application, Handler("view", rule.endpoint, function, cls))
    return found


def _read(application: Application, handler: Handler) -> Code:
    waits = {
        call.place: Wait(call.text, str(call.place), call.kind.rule.removeprefix("blocking-"), call.kind.instead)
        for call in application.calls_of(handler, handler.function).blocking
    }
    return Code(name_of_function(handler.function), tuple(waits.values()))
