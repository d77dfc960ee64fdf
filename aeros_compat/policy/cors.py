"""Cross-origin resource sharing (https://fetch.spec.whatwg.org/#http-cors-protocol) for every response alike.

The options are those of Flask-CORS, which Flask's users know. Its functions are not used: it works inside of Flask, so
preflights would meet hooks and authentication and mounted applications would have none, and it matches an origin by
its beginning. Starlette's middleware knows no prefixes, overwrites what the application has set, and leaves ``Vary``
out where an origin is refused, from where a shared cache hands that response to an origin that is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

from ..gateway.environ import path_info
from .fields import is_token, members, value_of, varying_on
from .marking import MarkedAnswer
from .origins import Origins

if TYPE_CHECKING:
    import re
    from collections.abc import Awaitable, Collection

    from ..types import ASGIApp, Headers, Receive, Scope, Send

METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")

_ALLOW_ORIGIN = b"access-control-allow-origin"
_PREFLIGHT_VARIES_ON = b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class CORS:
    """Who may read the responses from pages of other origins. Keyword-only, named as in Flask-CORS:

    :param origins: ``"*"``, an origin, or a list of origins. ``https://*.example.com`` stands for all subdomains,
        ``http://localhost:*`` for all ports, and a compiled regular expression has to match the whole origin.
    :param methods: methods that other origins may use.
    :param allow_headers: request headers that they may send; ``"*"`` allows all that are asked for.
    :param expose_headers: response headers that their scripts may read, besides the few that they always may.
    :param supports_credentials: whether they may send cookies and other credentials.
    :param max_age: seconds, or a ``timedelta``, for which a browser may keep the answer to a preflight.
    :param resources: a dictionary from prefixes of paths to options that differ from these: ``{"/api": {"origins":
        "https://example.com"}}``. Paths below none of them are not shared. Without it, all are.
    :raises TypeError: for a value of a wrong type.
    :raises ValueError: for a value that cannot work, and for ``"*"`` with credentials.
    """

    def __init__(
        self,
        *,
        origins: str | re.Pattern[str] | Collection[str | re.Pattern[str]] = "*",
        methods: str | Collection[str] = METHODS,
        allow_headers: str | Collection[str] = "*",
        expose_headers: str | Collection[str] = (),
        supports_credentials: bool = False,
        max_age: float | timedelta | None = None,
        resources: Mapping[str, Mapping[str, Any] | bool] | None = None,
    ) -> None:
        options: dict[str, Any] = {
            "origins": origins,
            "methods": methods,
            "allow_headers": allow_headers,
            "expose_headers": expose_headers,
            "supports_credentials": supports_credentials,
            "max_age": max_age,
        }
        if resources is None:
            self._sharings = [("", Sharing(**options))]
        else:
            self._sharings = _sharings(resources, options)

    @classmethod
    def of(cls, setting: object) -> CORS | None:
        """The setting ``cors`` of a WebServer: None, True, options, or a dictionary of them, or one of prefixes."""
        if setting is None or setting is False:
            return None
        if isinstance(setting, cls):
            return setting
        if setting is True:
            return cls()
        if not isinstance(setting, Mapping):
            raise TypeError(f"cors is True, a dictionary of options, or CORS(...), not {setting!r}.")
        if setting and all(isinstance(key, str) and key.startswith("/") for key in setting):
            return cls(resources=setting)
        return cls(**_known(setting, cls))

    def sharing_of(self, path: str) -> Sharing | None:
        """How the response for a path is shared, or None. The longest prefix wins."""
        for prefix, sharing in self._sharings:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
                return sharing
        return None

    @property
    def is_for_all_paths(self) -> bool:
        return self._sharings[0][0] == ""


class Sharing:
    """How some responses are shared. All that does not depend on the request is made here, once."""

    def __init__(
        self,
        *,
        origins: object,
        methods: object,
        allow_headers: object,
        expose_headers: object,
        supports_credentials: object,
        max_age: object,
    ) -> None:
        if not isinstance(supports_credentials, bool):
            raise TypeError(f"cors: supports_credentials is True or False, not {supports_credentials!r}.")
        self._origins = Origins(origins, with_credentials=supports_credentials)
        self._methods = _tokens(methods, "methods")
        if "*" in self._methods:
            raise ValueError("cors: name the methods; '*' is none.")
        allowed = _tokens(allow_headers, "allow_headers")
        self._allowed = None if "*" in allowed else frozenset(name.lower().encode() for name in allowed)
        exposed = _tokens(expose_headers, "expose_headers")
        if "*" in exposed and supports_credentials:
            raise ValueError("cors: name the expose_headers; next to credentials browsers take '*' for a name.")

        self._granted: Headers = []
        if supports_credentials:
            self._granted.append((b"access-control-allow-credentials", b"true"))
        self._for_preflights = [*self._granted, (b"access-control-allow-methods", ", ".join(self._methods).encode())]
        if max_age is not None:
            self._for_preflights.append((b"access-control-max-age", str(_seconds(max_age)).encode()))
        if exposed:
            self._granted.append((b"access-control-expose-headers", ", ".join(exposed).encode()))
        if self._origins.is_any:
            self._granted.append((_ALLOW_ORIGIN, b"*"))

    def share(self, headers: Headers, origin: bytes) -> Headers:
        """The headers of a response to ``origin``, ``b""`` for none."""
        if value_of(headers, _ALLOW_ORIGIN):
            return headers  # the application has decided by itself (Flask-CORS, the middleware of a mounted one)
        if self._origins.is_any:
            return headers + self._granted
        # Also where it is refused: the response of a cache must not be that of another origin.
        headers = varying_on(headers, b"Origin")
        if not origin or origin.decode("latin-1") not in self._origins:
            return headers
        return [*headers, (_ALLOW_ORIGIN, origin), *self._granted]

    def answer_preflight(self, origin: bytes, method: bytes, names: bytes) -> tuple[int, Headers, bytes]:
        """Status, headers and body of the answer to a preflight that asks for a method and header names."""
        refused = self._refused(origin, method, names)
        if refused:
            return 403, [(b"vary", _PREFLIGHT_VARIES_ON), (b"content-type", b"text/plain")], refused
        shared_with = b"*" if self._origins.is_any else origin
        headers = [(b"vary", _PREFLIGHT_VARIES_ON), (_ALLOW_ORIGIN, shared_with), *self._for_preflights]
        if names:
            headers.append((b"access-control-allow-headers", names))
        return 200, headers, b""

    def _refused(self, origin: bytes, method: bytes, names: bytes) -> bytes:
        if origin.decode("latin-1") not in self._origins:
            return b"CORS: this origin is not allowed."
        if method.decode("latin-1") not in self._methods:
            return b"CORS: this method is not allowed."
        wanted = members(names) - {b""}
        if not all(is_token(name.decode("latin-1")) for name in wanted):
            return b"CORS: Access-Control-Request-Headers is not a list of names."
        if self._allowed is not None and not wanted <= self._allowed:
            return b"CORS: one of these headers is not allowed."
        return b""


class CORSLayer:
    """Answers preflights, so that no hook and no authentication meets them, and marks every other response."""

    def __init__(self, app: ASGIApp, cors: CORS) -> None:
        self._app = app
        self._cors = cors

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        sharing = self._cors.sharing_of("" if self._cors.is_for_all_paths else path_info(scope))
        if sharing is None:
            return self._app(scope, receive, send)
        origin = b""
        for name, value in scope["headers"]:
            if name == b"origin":
                origin = value
        if origin and scope["method"] == "OPTIONS":
            method = value_of(scope["headers"], b"access-control-request-method")
            if method:
                names = value_of(scope["headers"], b"access-control-request-headers")
                return _answer(send, *sharing.answer_preflight(origin, method, names))
        return self._app(scope, receive, MarkedAnswer(partial(sharing.share, origin=origin), send).send)


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _sharings(resources: object, options: dict[str, Any]) -> list[tuple[str, Sharing]]:
    """Prefixes, as they stand in PATH_INFO, with what holds below them, the longest first."""
    if not isinstance(resources, Mapping) or not resources:
        raise TypeError(f"cors: resources is a dictionary from prefixes to options, not {resources!r}.")
    found: dict[str, Sharing] = {}
    for prefix, differing in resources.items():
        if differing is True:
            differing = {}
        if not isinstance(differing, Mapping):
            raise TypeError(f"cors: the options for {prefix!r} are a dictionary, not {differing!r}.")
        path = _path(prefix)
        if path in found:
            raise ValueError(f"cors: resources has options for {prefix!r} twice.")
        found[path] = Sharing(**options | _known(differing, Sharing))
    return sorted(found.items(), key=lambda item: len(item[0]), reverse=True)


def _path(prefix: object) -> str:
    """``/api``, or ``/api/*`` as Flask-CORS writes it."""
    if not isinstance(prefix, str) or not prefix.startswith("/"):
        raise ValueError(f"cors: a resource is a prefix such as '/api', not {prefix!r}.")
    path = prefix.removesuffix("*").rstrip("/")
    if set("*?^$[](){}|+\\#%<>") & set(path):
        raise ValueError(f"cors: the resource {prefix!r} is a pattern; a prefix such as '/api' covers all below it.")
    return path.encode().decode("latin-1")


def _known(options: Mapping[Any, Any], target: type) -> dict[str, Any]:
    names = list(signature(target).parameters)
    for name in options:
        if name not in names:
            raise TypeError(f"cors has no option {name!r}. It has {', '.join(names)}.")
    return dict(options)


def _tokens(values: object, option: str) -> list[str]:
    """Names in a list, or in a string with commas."""
    listed = [value.strip() for value in values.split(",")] if isinstance(values, str) else values
    if not isinstance(listed, list | tuple | set | frozenset) or not all(map(is_token, listed)):
        raise ValueError(f"cors: {option} is a list of names, not {values!r}.")
    return list(listed)


def _seconds(max_age: object) -> int:
    seconds = max_age.total_seconds() if isinstance(max_age, timedelta) else max_age
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
        raise ValueError(f"cors: max_age is a number of seconds from 0, or a timedelta, not {max_age!r}.")
    return int(seconds)
