"""Requests made up from the URL map of an application: every rule, with arguments that its converters take."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from werkzeug.routing import AnyConverter, FloatConverter, IntegerConverter, PathConverter, UUIDConverter
from werkzeug.routing.exceptions import BuildError

from ..upstream import converters_of
from .matching import matching_text
from .request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flask import Flask
    from werkzeug.routing import BaseConverter, Rule

#: How many requests one rule gives at most, for one method.
PER_RULE = 6

#: Files of a static folder that are asked for, at most.
STATIC_FILES = 5

_UUID = "12345678-1234-5678-1234-567812345678"


def requests_for(app: Flask) -> tuple[list[Request], list[str]]:
    """Requests for every rule, and the rules for which none could be made.

    Besides, there is one for a path that no rule has.
    """
    requests: dict[Request, None] = {}
    left_out = []
    for rule in app.url_map.iter_rules():
        found = list(itertools.islice(_targets(app, rule), PER_RULE))
        if not found and not rule.websocket:
            left_out.append(str(rule))
        for method in sorted(rule.methods or {"GET"}):
            requests |= {Request(method, target, headers): None for target, headers in found}
    requests[Request("GET", "/no/such/page/of/parity")] = None
    return list(requests), left_out


def _targets(app: Flask, rule: Rule) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """Paths, and the Host headers that their subdomains need."""
    if rule.websocket or rule.build_only:
        return
    for values in _arguments(app, rule):
        try:
            built = rule.build(values, append_unknown=False)
        except (BuildError, ValueError, TypeError):
            continue
        if built is not None:
            host, path = built
            yield path, _host_headers(app, host)


def _host_headers(app: Flask, host: str) -> tuple[tuple[str, str], ...]:
    name = app.config["SERVER_NAME"]
    if app.url_map.host_matching:
        return (("Host", host),) if host else ()
    return (("Host", f"{host}.{name}" if host else name),) if name else ()


def _arguments(app: Flask, rule: Rule) -> Iterator[Mapping[str, object]]:
    """Combinations of arguments, the first one of the first values."""
    converters = converters_of(rule)
    names = sorted(rule.arguments - set(rule.defaults or {}))
    if any(name not in converters for name in names):
        return
    files = _static_files(app, rule)
    values = [files if files and name == "filename" else _values(converters[name]) for name in names]
    if not all(values):
        return
    defaults = rule.defaults or {}
    # Not the product: a rule with three arguments would be asked a hundred times.
    longest = max(map(len, values), default=1)
    for turn in range(longest):
        chosen = (options[turn % len(options)] for options in values)
        yield dict(zip(names, chosen, strict=True)) | dict(defaults)


def _values(converter: BaseConverter) -> Sequence[object]:
    if isinstance(converter, IntegerConverter):
        lowest = converter.min or 0
        return [max(lowest, number) for number in (1, 0, 2)]
    if isinstance(converter, FloatConverter):
        return [1.5]
    if isinstance(converter, UUIDConverter):
        return [_UUID]
    if isinstance(converter, AnyConverter):
        return sorted(converter.items)
    if isinstance(converter, PathConverter):
        return ["one", "one/two.txt"]
    fitting = [text for text in ("example", "1", "größe ü") if re.fullmatch(converter.regex, text)]
    # Strings of some length, and converters of the application.
    made = matching_text(converter.regex) if not fitting else None
    return fitting if made is None else [made]


def _static_files(app: Flask, rule: Rule) -> list[object]:
    """The first files of a static folder, for Flask's own rule for one."""
    scope, _, name = rule.endpoint.rpartition(".")
    owner = app.blueprints.get(scope) if scope else app
    if name != "static" or owner is None or not owner.static_folder:
        return []
    folder = Path(owner.static_folder)
    paths = (Path(root) / file for root, _, files in sorted(os.walk(folder)) for file in sorted(files))
    return [quote(str(path.relative_to(folder)), safe="/") for path in itertools.islice(paths, STATIC_FILES)]
