"""Matching a request to its route, once, from the ASGI scope.

The match is made on the event loop, before a lane is chosen, and handed to Flask's request context, which would
otherwise match again. Two things must not happen on the loop: a converter of the user's, which may ask a database, and
anything that depends on Flask's contexts. Rules with such converters are recognised by a shadow of the URL map whose
converters leave values alone; the real match is then made by Flask, where Flask makes it.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, cast

from quart.routing import QuartMap
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, MapAdapter, Rule, RuleFactory
from werkzeug.sansio.utils import get_host

from .upstream import converters_of, has_converters

if TYPE_CHECKING:
    from flask.wrappers import Request

    from .exchange import Exchange
    from .types import HTTPScope
    from .webserver import WebServer

_BUILT_IN = BaseConverter.__module__

#: Methods come from clients, where a rule takes all of them: a cache, not a leak.
_MOST_FIXED = 10_000


class Match:
    """What matching gave: a rule with its arguments, or an exception (404, 405, a redirect)."""

    rule: Rule | None = None
    view_args: dict[str, Any] = {}
    exception: HTTPException | None = None
    trusted_hosts: list[str] | None = None
    #: Arguments still have to be converted by Flask, inside the request's contexts.
    unconverted = False

    def __init__(self, url_map: Map, host: str, scope: HTTPScope, path: str, server_name: str) -> None:
        self.map = url_map
        self.host = host
        self._scope = scope
        self._path = path
        self._server_name = server_name

    @cached_property
    def adapter(self) -> MapAdapter:
        """What ``Flask.create_url_adapter`` gives where hosts play no part in matching."""
        scope = self._scope
        return MapAdapter(
            self.map,
            self._server_name.lower(),
            scope.get("root_path", "") or "/",
            self.map.default_subdomain or "",
            scope.get("scheme", "http"),
            self._path,
            scope["method"],
            scope["query_string"].decode("utf-8", "replace"),
        )

    def fail(self, exception: HTTPException) -> None:
        """Make it a match of nothing."""
        self.rule, self.view_args, self.unconverted, self.exception = None, {}, False, exception

    def name_host(self, request: Request) -> None:
        """Give the request what ``Flask.create_url_adapter`` gives it."""
        request.host = self.host
        if self.trusted_hosts is not None:
            request.trusted_hosts = self.trusted_hosts

    def apply_to(self, request: Request) -> None:
        """Give the request what ``RequestContext.match_request`` gives it."""
        self.name_host(request)
        if self.exception is not None:
            request.routing_exception = self.exception
        elif self.unconverted:
            try:
                result: Any = self.adapter.match(return_rule=True)
                request.url_rule, request.view_args = result
            except HTTPException as error:
                request.routing_exception = error
        else:
            request.url_rule, request.view_args = self.rule, self.view_args


class Router:
    """Matches scopes against the URL map of one application."""

    def __init__(self, app: WebServer) -> None:
        self._map: Map = app.url_map
        self._config = app.config
        self._shadow: _Shadow | None = None
        #: What paths without variable parts have matched: there are as many as rules, and few spellings of each.
        self._fixed: dict[tuple[str, str], tuple[Rule, dict[str, Any]]] = {}
        self._generation = -1
        #: A method of one's own needs Flask's request: it matches for itself.
        self.matches_early = not app.overrides("create_url_adapter")
        self._matches_hosts = app.url_map.host_matching or app.subdomain_matching

    def match(self, app: WebServer, exchange: Exchange, path: str) -> Match | None:
        """The match for ``path`` (decoded, below the root path), or None if Flask has to find it."""
        if not self.matches_early:
            return None
        scope = exchange.scope
        server = scope.get("server")
        trusted_hosts = self._config["TRUSTED_HOSTS"]
        try:
            host = host_of(
                scope.get("scheme", "http"),
                exchange.host,
                server and (server[0], server[1]),
                None if trusted_hosts is None else tuple(trusted_hosts),
            )
            match = self._bind(app, exchange, host, path)
        except HTTPException:
            return None  # a host that is not trusted, or none at all: Flask answers
        match.trusted_hosts = trusted_hosts
        if _generation_of(self._map) != self._generation:
            self._look_at_map()
        found = self._fixed.get((path, scope["method"]))
        if found is not None and "adapter" not in vars(match):
            match.rule, view_args = found
            match.view_args = view_args.copy()
        else:
            self._match(match, path)
        return match

    def _bind(self, app: WebServer, exchange: Exchange, host: str, path: str) -> Match:
        server_name: str = self._config["SERVER_NAME"] or host
        match = Match(self._map, host, exchange.scope, path, server_name)
        # An upgrade to websocket changes the scheme that is matched.
        if self._matches_hosts or exchange.wants_websocket or not is_host_name(server_name):
            match.adapter = cast("MapAdapter", app.create_url_adapter(exchange.make_request(app)))
        return match

    def _match(self, match: Match, path: str) -> None:
        is_bound = "adapter" in vars(match)
        adapter = match.adapter
        if self._shadow is not None:
            rule = self._shadow.rule_with_user_code(adapter)
            if rule is not None:
                match.rule, match.unconverted = rule, True
                return
        try:
            result: Any = adapter.match(return_rule=True)
        except HTTPException as error:
            # Without what leads back here, and so to itself: it is raised where Flask raises it.
            error.__traceback__ = error.__context__ = None
            match.exception = error
            return
        match.rule, match.view_args = result
        if not is_bound and not has_converters(match.rule) and len(self._fixed) < _MOST_FIXED:
            self._fixed[path, adapter.default_method] = match.rule, match.view_args.copy()

    def _look_at_map(self) -> None:
        """Derive anew what is derived from the URL map."""
        custom = any(converter.__module__ != _BUILT_IN for converter in self._map.converters.values()) or any(
            callable(rule.redirect_to) for rule in self._map.iter_rules()
        )
        self._shadow = _Shadow(self._map) if custom else None
        self._fixed = {}
        self._generation = _generation_of(self._map)


@lru_cache(1024)
def host_of(
    scheme: str, host: str | None, server: tuple[str, int | None] | None, trusted_hosts: tuple[str, ...] | None
) -> str:
    """Werkzeug's ``get_host``, which is asked the same by most requests."""
    return get_host(scheme, host, server, trusted_hosts)


@lru_cache(1024)
def is_host_name(host: str) -> bool:
    """Whether a host and port can be encoded as Werkzeug's ``Map.bind`` does; if not, it answers 400."""
    try:
        host.partition(":")[0].encode("idna")
    except UnicodeError:
        return False
    return True


class UrlMap(QuartMap):
    """A URL map that counts its changes, so that what is derived from it can be kept."""

    generation = 0

    def add(self, rulefactory: RuleFactory) -> None:
        super().add(rulefactory)
        self.generation += 1


def _generation_of(url_map: Map) -> int:
    if isinstance(url_map, UrlMap):
        return url_map.generation
    return sum(1 for _ in url_map.iter_rules())  # the user's own class of map


class _Shadow:
    """The same rules, with converters that match as theirs do and convert nothing."""

    def __init__(self, url_map: Map) -> None:
        self._originals: dict[int, Rule] = {}
        self._map = Map(
            default_subdomain=url_map.default_subdomain,
            strict_slashes=url_map.strict_slashes,
            merge_slashes=url_map.merge_slashes,
            redirect_defaults=False,
            converters={name: _passing(converter) for name, converter in url_map.converters.items()},
        )
        for rule in url_map.iter_rules():
            copy = rule.empty()
            # Not among Rule.get_empty_kwargs of Werkzeug 3.1.
            copy.websocket, copy.merge_slashes, copy.redirect_to = rule.websocket, rule.merge_slashes, None
            self._originals[id(copy)] = rule
            self._map.add(copy)

    def rule_with_user_code(self, adapter: MapAdapter) -> Rule | None:
        """The rule that ``adapter`` will match, if code of the user's converts its arguments or redirects."""
        shadow = MapAdapter(
            self._map,
            adapter.server_name,
            adapter.script_name,
            adapter.subdomain,
            adapter.url_scheme,
            adapter.path_info,
            adapter.default_method,
        )
        try:
            rule, _ = shadow.match(return_rule=True)
        except HTTPException:
            return None
        original = self._originals[id(rule)]
        if callable(original.redirect_to):
            return original
        if all(type(converter).__module__ == _BUILT_IN for converter in converters_of(original).values()):
            return None
        return original


def _passing(converter: type[BaseConverter]) -> type[BaseConverter]:
    def to_python(self: BaseConverter, value: str) -> str:
        return value

    return type(converter.__name__, (converter,), {"to_python": to_python})
