"""Guards that do not stand in front of async websocket views.

Quart's hooks run for those, not Flask's: a ``before_request`` function that checks a login lets everybody in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...lanes.choice import is_quarts_view
from ..finding import Finding
from ..hops import blueprints_of
from ..source import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application


def find(application: Application) -> Iterator[Finding]:
    """One finding for each ``before_request`` function, with the websocket views that it does not guard."""
    app = application.app
    registry: dict[str | None, list[Any]] = app.before_request_funcs
    unguarded: dict[Any, list[str]] = {}
    for rule in app.url_map.iter_rules():
        if not rule.websocket or not is_quarts_view(app, rule):
            continue
        for name in blueprints_of(rule.endpoint):
            guards = app.before_websocket_funcs.get(name, ())
            for function in registry.get(name, ()):
                if function not in guards:
                    unguarded.setdefault(function, []).append(rule.rule)
    for function, rules in unguarded.items():
        yield Finding(
            "websocket-guard",
            "error",
            f"The before_request function {getattr(function, '__qualname__', function)} does not run for the async"
            f" websocket view{'s' if len(rules) > 1 else ''} {', '.join(rules)}: if it checks who may come in,"
            " everybody may.",
            "Register it with before_websocket too, or check inside of the view.",
            place_of(function),
            tuple(rules),
        )
