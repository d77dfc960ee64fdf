"""How an application is served: every argument of ``WebServer.run``, checked and brought into one form.

Everything that runs a server reads from :class:`Settings`, and nothing else knows the names of options.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from uvicorn import Config

from ..logs.options import NAMES as LOG_OPTIONS
from ..logs.options import LogOptions
from .protocol import HTTPProtocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from ..webserver import WebServer

    #: A pair of paths, certificate and key; ``"adhoc"`` for a throw-away one; or a context.
    SSLContext = tuple[str, str | None] | str | ssl.SSLContext

#: Other people's names for the same thing: Flask's, gunicorn's, and those that Aeros gave.
ALIASES = {
    "processes": "workers",
    "reload": "use_reloader",
    "soft_limit": "limit_concurrency",
    "hard_limit": "backlog",
    "max_requests": "limit_max_requests",
    "color": "use_colors",
}

#: What ``uvicorn.run`` takes, without what is decided here.
UVICORN_OPTIONS = frozenset(inspect.signature(Config).parameters) - {
    "app",
    "host",
    "port",
    "workers",
    "factory",
    "interface",
    "reload",
    "reload_dirs",
    "reload_delay",
    "reload_includes",
    "reload_excludes",
}

#: What ``Flask.run`` takes, next to ``host``, ``port``, ``debug`` and ``load_dotenv``, and what is decided here.
OWN_OPTIONS = LOG_OPTIONS | frozenset(
    {
        "exclude_patterns",
        "extra_files",
        "passthrough_errors",
        "reloader_interval",
        "reloader_type",
        "ssl_context",
        "threaded",
        "use_debugger",
        "use_evalex",
        "use_reloader",
        "watch",
        "worker_threads",
        "workers",
    }
)

#: Seconds in which requests may be finished after the server has been told to end. Gunicorn's default. Without a limit
#: one stalled client would keep the server from ever ending.
GRACEFUL_SHUTDOWN = 30

#: Seconds after which a worker process that does not answer is replaced, gunicorn's default. Uvicorn's 5 would end
#: those whose imports take longer, again and again.
HUNG_AFTER = 30


class CannotServe(Exception):
    """A setting with which no server can start. The text is for the user, who sees it without a traceback."""


class Settings(NamedTuple):
    """How an application is served. Made by :meth:`of`."""

    host: str
    port: int
    debug: bool
    workers: int
    worker_threads: int
    #: Options of ``uvicorn.Config``.
    uvicorn: dict[str, Any]
    ssl_context: SSLContext | None = None
    passthrough_errors: bool = False
    use_reloader: bool = False
    use_debugger: bool = False
    use_evalex: bool = True
    extra_files: tuple[str, ...] = ()
    exclude_patterns: tuple[str, ...] = ()
    reloader_type: str = "auto"
    reloader_interval: float = 1
    watch: bool = False
    logs: LogOptions = LogOptions()

    @classmethod
    def of(cls, app: WebServer, host: str | None, port: Any, options: dict[str, Any]) -> Settings:
        """The settings for ``app.run(host, port, **options)``.

        :raises TypeError: for an option that nobody knows.
        :raises CannotServe: for a value with which no server can start.
        """
        options = _by_one_name(options)
        host, port = address_of(app, host, port)
        if host.startswith("unix://"):  # Werkzeug's way to name a Unix socket
            options.setdefault("uds", host.removeprefix("unix://"))
        workers = _count("workers", options.get("workers"), 1)
        in_debug = app.debug and workers == 1
        settings = cls(
            host=host,
            port=port,
            debug=app.debug,
            workers=workers,
            worker_threads=_threads(app, options),
            ssl_context=options.get("ssl_context"),
            passthrough_errors=bool(options.get("passthrough_errors", False)),
            use_reloader=_flag(options.get("use_reloader"), in_debug),
            use_debugger=_flag(options.get("use_debugger"), in_debug),
            use_evalex=_flag(options.get("use_evalex"), True),
            extra_files=_strings("extra_files", options.get("extra_files")),
            exclude_patterns=_strings("exclude_patterns", options.get("exclude_patterns")),
            reloader_type=options.get("reloader_type", "auto"),
            reloader_interval=options.get("reloader_interval", 1),
            watch=_flag(options.get("watch"), False),
            logs=_logs(options),
            uvicorn=_uvicorn_options(app, options),
        )
        settings._check()
        return settings

    def _check(self) -> None:
        if self.is_supervised and self.use_debugger:
            raise CannotServe("The debugger keeps failed requests in one process; run it with workers=1.")
        if self.is_supervised and self.use_reloader:
            raise CannotServe("The reloader restarts one process; run it with workers=1 and without max_requests.")
        if self.ssl_context is not None and (self.uvicorn.keys() & {"ssl_certfile", "ssl_context_factory"}):
            raise CannotServe("Give the certificate once: as ssl_context, or as uvicorn's ssl_ options.")
        for name, alias in (("limit_concurrency", "soft_limit"), ("backlog", "hard_limit")):
            _count(f"{alias} ({name})", self.uvicorn.get(name), None)
        _count("max_requests (limit_max_requests)", self.uvicorn.get("limit_max_requests"), None)

    @property
    def is_supervised(self) -> bool:
        """Whether workers run in processes of their own, which are replaced when they end."""
        return self.workers > 1 or self.uvicorn.get("limit_max_requests") is not None

    def apply_to(self, app: WebServer) -> None:
        """Give an application what these settings say about it, in each process that serves it."""
        app.debug = self.debug
        app.use_threads(self.worker_threads)
        if self.debug or self.watch:
            app.watch_locally()


def address_of(app: WebServer, host: str | None, port: Any) -> tuple[str, int]:
    """Where to listen: the arguments, the constructor's, ``SERVER_NAME``, then Flask's defaults."""
    named_host, _, named_port = (app.config.get("SERVER_NAME") or "").partition(":")
    if port is None:
        port = app.port
    host = host or app.host or named_host or "127.0.0.1"
    return host, _port(port if port is not None else named_port or 5000)


def _port(value: Any) -> int:
    try:
        port = int(value)
    except (TypeError, ValueError):
        port = -1
    if not 0 <= port <= 65535:
        raise CannotServe(f"The port must be a number from 0 (any that is free) to 65535, not {value!r}.")
    return port


def _by_one_name(options: dict[str, Any]) -> dict[str, Any]:
    """The options without aliases. Raises TypeError for two names of one option, and for names that nobody knows."""
    found: dict[str, Any] = {}
    for given, value in options.items():
        name = ALIASES.get(given, given)
        if name not in OWN_OPTIONS | UVICORN_OPTIONS:
            raise TypeError(_unknown(given))
        if name in found:
            raise TypeError(f"run() got {name} twice: {given!r} is another name for it.")
        found[name] = value
    return found


def _unknown(name: str) -> str:
    if name == "static_files":
        return (
            "run() takes no 'static_files': wrap app.wsgi_app in werkzeug.middleware.shared_data.SharedDataMiddleware."
        )
    if name.startswith("reload"):
        return f"run() takes no {name!r}: the reloader is Flask's; see use_reloader, extra_files and exclude_patterns."
    known = sorted(OWN_OPTIONS | ALIASES.keys())
    return (
        f"run() got an unexpected keyword argument {name!r}. Besides host, port, debug and load_dotenv it takes"
        f" {', '.join(known)}, and what uvicorn.run takes."
    )


def _count(name: str, value: Any, default: Any) -> Any:
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise CannotServe(f"{name} must be a number, at least 1, not {value!r}.")
    return value


def _threads(app: WebServer, options: dict[str, Any]) -> int:
    given = options.get("worker_threads")
    if options.get("threaded", True):
        return int(_count("worker_threads", given, app.worker_threads))
    if given not in (None, 1):
        raise CannotServe(f"threaded=False means one thread for sync views, worker_threads={given!r} says otherwise.")
    return 1


def _flag(value: Any, default: bool) -> bool:
    return default if value is None else bool(value)


def _strings(name: str, value: Iterable[str] | None) -> tuple[str, ...]:
    if isinstance(value, str):
        raise CannotServe(f"{name} must be a list of strings; write [{value!r}].")
    return tuple(value or ())


def _logs(options: dict[str, Any]) -> LogOptions:
    if options.get("log_config") is not None:
        # Who configures uvicorn's loggers gets uvicorn's access lines there, and not ours beside them.
        options = {"access_log_to_std": False, **options}
    try:
        return LogOptions.of(options)
    except ValueError as error:
        raise CannotServe(str(error)) from error


#: What uvicorn would set on its loggers, without asking whether somebody has.
_SET_HERE = {"log_level", "use_colors"}


def _uvicorn_options(app: WebServer, options: dict[str, Any]) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        # A client must not be able to say where it comes from: trusting a proxy is the user's decision.
        "proxy_headers": False,
        "http": HTTPProtocol,
        # https://github.com/python/cpython/issues/140947: the second fence, the first is in the lanes.
        "reset_contextvars": True,
        # Its own would close handlers that are there already. See aeros_compat.logs.
        "log_config": None,
        # uvicorn would send its own next to the application's.
        "server_header": app.include_server_header and "server" not in map(str.lower, app.global_headers),
        "timeout_graceful_shutdown": GRACEFUL_SHUTDOWN,
        "timeout_worker_healthcheck": HUNG_AFTER,
    }
    chosen |= {name: value for name, value in options.items() if name in UVICORN_OPTIONS - _SET_HERE}
    requests = chosen.get("limit_max_requests")
    if isinstance(requests, int):
        # All workers have begun together, and should not end together.
        chosen.setdefault("limit_max_requests_jitter", requests // 10)
    return chosen
