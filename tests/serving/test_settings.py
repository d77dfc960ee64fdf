"""The arguments of ``run``: names, aliases, values that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from aeros_compat import WebServer
from aeros_compat.serving.protocol import HTTPProtocol
from aeros_compat.serving.settings import CannotServe, Settings


@pytest.fixture
def app() -> WebServer:
    return WebServer("application")


def test_defaults(app: WebServer) -> None:
    settings = Settings.of(app, None, None, {})
    assert (settings.host, settings.port, settings.workers, settings.worker_threads) == ("127.0.0.1", 5000, 1, 8)
    assert not any((settings.use_reloader, settings.use_debugger, settings.debug, settings.is_supervised))
    assert settings.uvicorn == {
        "proxy_headers": False,
        "http": HTTPProtocol,
        "reset_contextvars": True,
        "log_config": None,
        "server_header": True,
        "timeout_graceful_shutdown": 30,
        "timeout_worker_healthcheck": 30,
    }


def test_debug_brings_reloader_and_debugger_as_under_flask(app: WebServer) -> None:
    app.debug = True
    settings = Settings.of(app, None, None, {})
    assert settings.use_reloader
    assert settings.use_debugger
    settings = Settings.of(app, None, None, {"use_reloader": False, "use_evalex": False})
    assert not settings.use_reloader
    assert settings.use_debugger
    assert not settings.use_evalex
    # With several workers there is neither, unless it is asked for: then somebody is told why not.
    assert not Settings.of(app, None, None, {"workers": 2}).use_debugger
    for name in ("use_debugger", "use_reloader"):
        with pytest.raises(CannotServe, match="workers=1"):
            Settings.of(app, None, None, {"workers": 2, name: True})


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"soft_limit": 100}, "limit_concurrency", 100),
        ({"hard_limit": 10}, "backlog", 10),
        ({"max_requests": 1000}, "limit_max_requests", 1000),
        ({"max_requests": 1000}, "limit_max_requests_jitter", 100),
        ({"max_requests": 1000, "limit_max_requests_jitter": 1}, "limit_max_requests_jitter", 1),
        ({"timeout_graceful_shutdown": None}, "timeout_graceful_shutdown", None),
        ({"proxy_headers": True}, "proxy_headers", True),
        ({"root_path": "/shop"}, "root_path", "/shop"),
    ],
)
def test_what_uvicorn_gets(app: WebServer, given: dict[str, Any], name: str, value: object) -> None:
    assert Settings.of(app, None, None, given).uvicorn[name] == value


def test_flasks_names(app: WebServer) -> None:
    settings = Settings.of(app, "unix:///run/app.sock", "80", {"processes": 3, "threaded": False})
    assert (settings.workers, settings.worker_threads, settings.port) == (3, 1, 80)
    assert settings.uvicorn["uds"] == "/run/app.sock"
    settings = Settings.of(app, None, None, {"extra_files": ["a.yml"], "reloader_type": "stat", "reloader_interval": 2})
    assert (settings.extra_files, settings.reloader_type, settings.reloader_interval) == (("a.yml",), "stat", 2)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"hosts": 1}, "unexpected keyword argument 'hosts'"),
        ({"reload_dirs": ["."]}, "extra_files"),
        ({"static_files": {}}, "SharedDataMiddleware"),
        ({"workers": 2, "processes": 2}, "workers twice"),
        ({"soft_limit": 2, "limit_concurrency": 2}, "limit_concurrency twice"),
        ({"app": 1}, "unexpected keyword argument 'app'"),
    ],
)
def test_unknown_names(app: WebServer, given: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        app.run(**given)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"port": 70000}, "from 0"),
        ({"port": "http"}, "not 'http'"),
        ({"workers": 0}, "workers must be a number, at least 1"),
        ({"workers": "2"}, "workers must be a number"),
        ({"worker_threads": 0}, "worker_threads must be a number, at least 1"),
        ({"threaded": False, "worker_threads": 4}, "one thread for sync views"),
        ({"soft_limit": 0}, "soft_limit"),
        ({"hard_limit": -1}, "hard_limit"),
        ({"max_requests": 0}, "max_requests"),
        ({"extra_files": "a.yml"}, "list of strings"),
        ({"ssl_context": 1}, "ssl_context is"),
        ({"ssl_context": "adhoc", "ssl_certfile": "x"}, "once"),
        ({"ssl_keyfile": "key.pem"}, "without ssl_certfile"),
        ({"ssl_context": ("no.pem", "no.key")}, "no certificate or key in no.pem"),
        ({"ssl_context": (__file__, __file__)}, "cannot be used"),
        ({"log_level": "loud"}, "one of critical, error, warning, info, debug, trace, not 'loud'"),
        ({"log_level": True}, "log_level must be a number"),
        ({"log_format": "xml"}, "log_format must be one of text, json, not 'xml'"),
        ({"traceback": "long"}, "traceback must be one of short, full, none, not 'long'"),
        ({"use_colors": "yes"}, "use_colors is True or False, not 'yes'"),
        ({"access_log_file": 1}, "access_log_file must be the path of a file"),
        ({"default_log_file": "/no/such/folder/app.log"}, "/no/such/folder/app.log cannot be opened: No such file"),
        ({"access_log_file": "/"}, "The log file / cannot be opened: Is a directory"),
        ({"host": "no..host"}, "no address of this machine"),
        ({"host": "192.0.2.1"}, "no address 192.0.2.1"),
        ({"fd": 1000}, "file descriptor 1000"),
        ({"uds": __file__}, "is no socket"),
        ({"uds": "/no/such/folder/app.sock"}, "cannot be made"),
    ],
)
def test_values_that_cannot_be(
    app: WebServer, given: dict[str, Any], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence on stderr, and exit code 1."""
    with pytest.raises(SystemExit) as ended:
        app.run(**given)
    printed = capsys.readouterr()
    assert ended.value.code == 1
    assert printed.err.startswith("Error: ")
    assert text in printed.err
    assert printed.out == ""
    assert app.servers == set()


def test_threads_of_the_running_application(app: WebServer) -> None:
    before = app.threads
    assert before.limit == 8
    app.use_threads(8)
    assert app.threads is before
    app.use_threads(3)
    assert app.threads.limit == 3
