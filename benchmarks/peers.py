"""Who is measured: servers with a framework each, one process, 8 threads where there are threads, no access logs."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from .content import THREADS
from .workloads import BASELINES, WORKLOADS

_FLASK = frozenset(WORKLOADS) - BASELINES - {"wait"}
_QUART = _FLASK - {"blocking", "mounted", "login"} | {"wait"}

_UVICORN = "uvicorn benchmarks.served:app --port {port} --no-access-log --log-level warning --no-proxy-headers"
_GUNICORN = "gunicorn benchmarks.served:app --bind 127.0.0.1:{port} --workers 1 --log-level warning --no-control-socket"
_OURS = "aeros_compat run benchmarks.served:app --port {port} --no-access-log --log-level warning"


@dataclass(frozen=True)
class Peer:
    """A server with an application."""

    name: str
    title: str
    #: What follows ``python -m``, with ``{port}`` in it.
    command: str
    #: A module of ``benchmarks.applications``.
    application: str
    #: Names of those that it can serve.
    workloads: frozenset[str]

    def command_at(self, port: int) -> list[str]:
        return [sys.executable, "-m", *self.command.format(port=port).split()]


SYNC, ASYNC = "webserver-sync", "webserver-async"

PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "bare",
            "bare ASGI function, uvicorn",
            _UVICORN,
            "bare_asgi",
            frozenset({"text", "json", "echo", "static_10k", "static_1m", "stream", "upload", "wait"}),
        ),
        Peer(
            "starlette",
            "Starlette, async view, uvicorn",
            _UVICORN,
            "on_starlette",
            _QUART - {"hooks", "cached"} | {"mounted"},
        ),
        Peer(
            "starlette-sync",
            "Starlette, sync view, uvicorn",
            _UVICORN,
            "on_starlette_sync",
            frozenset({"text", "json", "template", "session", "blocking", "stream", "compressed"}),
        ),
        Peer("quart", "Quart, async view, uvicorn", _UVICORN, "on_quart", _QUART),
        Peer(
            "quart-sync",
            "Quart, sync view, uvicorn",
            _UVICORN,
            "on_quart_sync",
            frozenset({"text", "json", "session", "blocking", "hooks", "routes", "stream", "compressed", "proxyfix"}),
        ),
        Peer(
            "quart-hypercorn",
            "Quart, async view, hypercorn",
            "hypercorn benchmarks.served:app --bind 127.0.0.1:{port} --worker-class uvloop --log-level warning",
            "on_quart",
            _QUART,
        ),
        Peer("flask-sync", "Flask, gunicorn, sync worker", f"{_GUNICORN} --worker-class sync", "on_flask", _FLASK),
        Peer(
            "flask-gthread",
            "Flask, gunicorn, gthread",
            f"{_GUNICORN} --worker-class gthread --threads {THREADS}",
            "on_flask",
            _FLASK,
        ),
        Peer(
            "flask-waitress",
            "Flask, waitress",
            f"waitress --listen=127.0.0.1:{{port}} --threads={THREADS} benchmarks.served:app",
            "on_flask",
            _FLASK,
        ),
        Peer(
            "flask-granian",
            "Flask, granian",
            "granian --interface wsgi --host 127.0.0.1 --port {port} --workers 1 --no-ws --log-level warning"
            f" --blocking-threads {THREADS} benchmarks.served:app",
            "on_flask",
            _FLASK,
        ),
        Peer("flask-a2wsgi", "Flask, a2wsgi, uvicorn", _UVICORN, "on_a2wsgi", _FLASK),
        Peer(SYNC, "aeros_compat, sync view", _OURS, "on_webserver", _FLASK | BASELINES),
        Peer(
            ASYNC,
            "aeros_compat, async view",
            _OURS,
            "on_webserver_async",
            _FLASK - {"blocking", "static_10k", "static_1m", "mounted"} | BASELINES | {"wait"},
        ),
    )
}

OURS = (SYNC, ASYNC)
