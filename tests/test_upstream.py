"""Each private name of another package does what ``aeros_compat.upstream`` takes it for."""

from __future__ import annotations

import asyncio
import contextvars
import errno
import io
import os
import re
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
import pytest
import quart
import uvicorn
from asgiref.local import Local
from asgiref.sync import AsyncToSync, SyncToAsync, async_to_sync, sync_to_async
from flask_caching.backends import FileSystemCache, SimpleCache
from flask_caching.jinja2ext import CacheExtension
from jinja2 import Environment, nodes
from quart.globals import websocket_ctx
from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound
from werkzeug.routing import IntegerConverter
from werkzeug.test import create_environ
from werkzeug.wrappers import Request as WerkzeugRequest

from aeros_compat import Cache, RedisCache, WebServer, upstream

from .programs import ended
from .redis_server import redis_server
from .servers import errors_of_servers, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


def _in_new_thread(func: Any) -> Any:
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(func).result()


def test_context_variables_are_those_behind_the_proxies() -> None:
    app = flask.Flask(__name__)
    with app.test_request_context("/"):
        assert upstream.flask_app_var.get().app is app
        assert upstream.flask_request_var.get().app is app

    async def in_quart() -> None:
        other = quart.Quart(__name__)
        async with other.test_request_context("/"):
            assert upstream.quart_app_var.get().app is other
            assert upstream.quart_request_var.get().app is other
        websocket: Any = object()
        token = upstream.quart_websocket_var.set(websocket)
        assert websocket_ctx._get_current_object() is websocket  # type: ignore[attr-defined]
        upstream.quart_websocket_var.reset(token)

    asyncio.run(in_quart())


def test_sentinel_of_flasks_pop() -> None:
    defaults = flask.ctx.RequestContext.pop.__defaults__
    assert defaults == (upstream.flask_sentinel,)
    assert flask.ctx.AppContext.pop.__defaults__ == defaults


def test_template_defaults_are_in_every_application() -> None:
    assert flask.Flask(__name__).template_context_processors[None] == [upstream.flask_template_defaults]


def test_begin_serving_ends_the_set_up() -> None:
    app = flask.Flask(__name__)
    assert not upstream.has_begun_serving(app)
    upstream.begin_serving(app)
    assert upstream.has_begun_serving(app)
    with pytest.raises(AssertionError, match="first request"):
        app.before_request(lambda: None)


def test_main_module_of_a_spawned_process(tmp_path: Path) -> None:
    """It is told apart from the main module of a program, and from the work of the process later on."""
    (tmp_path / "program.py").write_text(
        "import multiprocessing\n"
        "from aeros_compat.upstream import is_importing_main\n"
        "def work():\n"
        "    print('later', is_importing_main(), flush=True)\n"
        "print(__name__, is_importing_main(), flush=True)\n"
        "if __name__ == '__main__':\n"
        "    process = multiprocessing.get_context('spawn').Process(target=work)\n"
        "    process.start()\n"
        "    process.join()\n"
    )
    done = ended("program.py", cwd=tmp_path)
    assert done.stdout == "__main__ False\n__mp_main__ True\nlater False\n", done.stderr


def test_find_error_handler() -> None:
    app = flask.Flask(__name__)

    @app.errorhandler(KeyError)
    def handle(error: KeyError) -> str:
        return "handled"

    with app.test_request_context("/"):
        assert upstream.find_error_handler(app, KeyError(), []) is handle
        assert upstream.find_error_handler(app, ValueError(), []) is None


def test_converters_of_a_rule() -> None:
    app = flask.Flask(__name__)
    app.add_url_rule("/<int:number>", endpoint="number")
    (rule,) = app.url_map.iter_rules("number")
    assert [type(converter) for converter in upstream.converters_of(rule).values()] == [IntegerConverter]


def test_parts_of_a_regular_expression() -> None:
    (repeat,) = upstream.parsed_regex("[a-c]{2,3}")
    assert str(repeat[0]) == "MAX_REPEAT"
    lowest, highest, parts = repeat[1]
    assert (lowest, highest) == (2, 3)
    ((kind, members),) = parts
    assert (str(kind), [(str(member[0]), member[1]) for member in members]) == ("IN", [("RANGE", (97, 99))])


def test_has_converters() -> None:
    app = flask.Flask(__name__)
    app.add_url_rule("/<name>", endpoint="variable")
    app.add_url_rule("/fixed", endpoint="fixed")
    found = {rule.endpoint: upstream.has_converters(rule) for rule in app.url_map.iter_rules()}
    assert (found["variable"], found["fixed"]) == (True, False)


def test_serve_loop_says_where_async_to_sync_runs() -> None:
    tasks: list[asyncio.Task[Any]] = []

    async def where() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def on_thread(loop: asyncio.AbstractEventLoop) -> Any:
        upstream.serve_loop(loop, tasks)
        assert upstream.serving_loop() is loop
        return async_to_sync(where)()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(executor, on_thread, loop) is loop

    with ThreadPoolExecutor(1) as executor:
        asyncio.run(scenario())


def test_move_locals_here() -> None:
    """What a ``Local`` of asgiref has been given in a context is seen on a thread that runs in it."""
    local = Local()

    def inside() -> str:
        upstream.move_locals_here(context)
        return str(local.name)

    context = contextvars.Context()
    context.run(setattr, local, "name", "value")
    assert _in_new_thread(lambda: context.run(inside)) == "value"


def test_bind_executor_decides_where_sync_to_async_runs() -> None:
    async def scenario() -> str:
        upstream.bind_executor(executor)
        return await sync_to_async(lambda: threading.current_thread().name)()

    with ThreadPoolExecutor(1, thread_name_prefix="bound") as executor:
        assert asyncio.run(scenario()).startswith("bound")


def test_serving_loop_and_bridge_state() -> None:
    """A thread that sync_to_async has used knows the loop; giving the state back makes it forget."""

    def on_thread() -> tuple[Any, Any]:
        before = upstream.serving_loop()
        upstream.restore_bridge_state({})
        return before, upstream.serving_loop()

    async def scenario() -> None:
        with ThreadPoolExecutor(1) as executor:
            known, forgotten = await sync_to_async(on_thread, thread_sensitive=False, executor=executor)()
        assert known is asyncio.get_running_loop()
        assert forgotten is None

    assert _in_new_thread(upstream.bridge_state) == {}
    asyncio.run(scenario())


def test_adopt_context_leaves_asgirefs_own_variables_alone() -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("tests.adopt")
    seen: list[contextvars.Context] = []

    async def scenario() -> None:
        upstream.bind_executor(executor)
        variable.set(1)
        await sync_to_async(lambda: async_to_sync(asyncio.sleep)(0))()
        seen.append(contextvars.copy_context())

    with ThreadPoolExecutor(1) as executor:
        asyncio.run(scenario())

    def adopting() -> None:
        upstream.adopt_context(seen[0])
        assert variable.get() == 1
        assert SyncToAsync.thread_sensitive_context.get(None) is None
        assert SyncToAsync.deadlock_context.get(None) is None
        assert getattr(AsyncToSync.executors, "current", None) is None

    contextvars.Context().run(adopting)


def test_flask_freed_at_its_last_reference() -> None:
    import gc
    import weakref

    gc.disable()
    try:
        app = WebServer(__name__)
        app.add_url_rule("/", view_func=lambda: "ok", endpoint="view")
        app.test_client().get("/")
        gone = weakref.ref(app)
        del app
        assert gone() is None
    finally:
        gc.enable()


def test_closes_nothing() -> None:
    """Only what Werkzeug wraps without need is spared a call of ``close()``."""

    def iterable_of(response: flask.Response) -> Any:
        return response.get_app_iter(create_environ("/"))

    class Closing(flask.Response):
        def close(self) -> None:
            super().close()

    plain, registered = flask.Response("x"), flask.Response("x")
    registered.call_on_close(lambda: None)
    generator = flask.Response(text for text in ["x"])
    assert upstream.closes_nothing(iterable_of(plain))
    assert not upstream.closes_nothing(iterable_of(registered))
    assert not upstream.closes_nothing(iterable_of(generator))
    assert not upstream.closes_nothing(iterable_of(Closing("x")))
    assert not upstream.closes_nothing([b"x"])

    with flask.Flask(__name__).test_request_context():
        of_exception = flask.make_response(NotFound())
        of_closing = flask.make_response(NotFound(response=registered))
        of_wsgi = flask.make_response(_with_close)
    assert upstream.closes_nothing(iterable_of(of_exception))
    assert upstream.is_complete(iterable_of(of_exception))
    assert not upstream.closes_nothing(iterable_of(of_closing))
    assert not upstream.closes_nothing(iterable_of(of_wsgi))
    assert not upstream.is_complete(iterable_of(of_wsgi))


class WithClose:
    """A WSGI iterable with something to close."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"x"

    def close(self) -> None: ...


def _with_close(environ: Any, start_response: Any) -> WithClose:
    start_response("200 OK", [])
    return WithClose()


def test_response_closes_nothing() -> None:
    class Closing(flask.Response):
        def close(self) -> None:
            super().close()

    registered = flask.Response("x")
    registered.call_on_close(lambda: None)
    assert upstream.response_closes_nothing(flask.Response("x"))
    assert not upstream.response_closes_nothing(registered)
    assert not upstream.response_closes_nothing(flask.Response(text for text in ["x"]))
    assert not upstream.response_closes_nothing(Closing("x"))


def test_has_sync_caller() -> None:
    async def seen() -> bool:
        return upstream.has_sync_caller()

    assert async_to_sync(seen)()
    assert not asyncio.run(seen())


def test_every_name_is_tested() -> None:
    text = Path(__file__).read_text()
    assert [name for name in upstream.__all__ if not re.search(rf"upstream(\.| import ){name}\b", text)] == []


def test_is_complete() -> None:
    with flask.Flask(__name__).test_request_context() as context:

        def iterable_of(response: flask.Response) -> Any:
            return response(context.request.environ, lambda *args: lambda data: None)

        def pieces() -> Any:
            yield b"x"

        assert upstream.is_complete(iterable_of(flask.Response([b"a", b"b"])))
        assert not upstream.is_complete(iterable_of(flask.Response(pieces())))
    assert upstream.is_complete([b"x"])
    assert not upstream.is_complete(iter([b"x"]))


def test_cached_data_of() -> None:
    with flask.Flask(__name__).test_request_context(data=b"body"):
        request = flask.request._get_current_object()  # type: ignore[attr-defined]
        assert upstream.cached_data_of(request) is None
        request.get_data()
        assert upstream.cached_data_of(request) == b"body"


def test_redis_of_a_backend() -> None:
    with redis_server() as server:
        app = WebServer(__name__, cache=RedisCache("127.0.0.1", server.port, key_prefix="prefix:"))
        (backend,) = app.extensions["cache"].values()
        backend.set("key", 42)
        found = upstream.redis_of(backend)
        assert found is not None
        client, prefix = found
        assert (client.get("prefix:key"), prefix) == (b"42", "prefix:")
        client.close()
    assert upstream.redis_of(SimpleCache()) is None


def test_flask_caching_calls_the_method_that_fragments_override() -> None:
    tree = Environment(extensions=[CacheExtension]).parse("{% cache 5, 'name' %}x{% endcache %}")
    (call,) = tree.find_all(nodes.ExtensionAttribute)
    assert call.name == "_cache"


def test_flask_caching_makes_keys_for_a_path_and_a_query_string() -> None:
    """With its public functions; the rest of what ``app.cache`` takes over."""
    app = flask.Flask(__name__)
    cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    keys: Any = cache.cached(query_string=True)(lambda: "x")
    with app.app_context():
        one, other = (keys.make_cache_key(path="/p", query_args=query) for query in ("a=1&b=2", "b=2&a=1"))
        assert one == other
        assert one.startswith("view//p")
        assert one != keys.make_cache_key(path="/p", query_args="a=1")


def test_modules_that_flask_compress_uses() -> None:
    assert upstream.brotli.decompress(upstream.brotli.compress(b"x")) == b"x"
    assert upstream.zstd.decompress(upstream.zstd.compress(b"x")) == b"x"
    assert {"FLUSH_BLOCK", "FLUSH_FRAME"} <= set(dir(upstream.zstd.ZstdCompressor))
    assert {"compression_level", "window_log"} <= set(upstream.zstd.CompressionParameter.__members__)


def test_reloader_loop_asks_for_a_new_process_at_a_change(tmp_path: Path) -> None:
    watched = tmp_path / "watched.py"
    watched.write_text("")
    loop = upstream.reloader_loop(
        extra_files=[str(watched)], exclude_patterns=None, interval=0.01, reloader_type="stat"
    )
    with loop:
        os.utime(watched, (0, time.time() + 10))
        with pytest.raises(SystemExit) as wish:
            loop.run()
    assert wish.value.code == 3
    with pytest.raises(ValueError, match="stat"):
        upstream.reloader_loop(extra_files=None, exclude_patterns=None, interval=1, reloader_type="none")


def test_serve_until_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process that the reloader has started, the server is on another thread and the loop on this one."""
    watched = tmp_path / "watched.py"
    watched.write_text("")
    threads: list[threading.Thread] = []

    def serve() -> None:
        threads.append(threading.current_thread())
        os.utime(watched, (0, time.time() + 10))

    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as wish:
            upstream.serve_until_change(
                serve, extra_files=[str(watched)], exclude_patterns=None, interval=0.01, reloader_type="stat"
            )
        assert wish.value.code == 3
        assert threads != [threading.main_thread()]
        # One signal is told apart from a change by its code.
        with pytest.raises(SystemExit) as wish:
            signal.raise_signal(signal.SIGTERM)
        assert wish.value.code == 0
    finally:
        signal.signal(signal.SIGTERM, before)


def test_reloading_command() -> None:
    assert upstream.reloading_command() == [sys.executable, *sys.orig_argv[1:]]


def test_unfinished_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """cachelib leaves a file half written when the disk is full, under a name by which it is found."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    backend = FileSystemCache(str(tmp_path))
    assert backend.set("key", "value")
    assert list(upstream.unfinished_files(backend, str(tmp_path))) == []
    monkeypatch.setattr(backend.serializer, "dump", fail)
    assert not backend.set("other", "value")
    (file,) = upstream.unfinished_files(backend, str(tmp_path))
    assert file.parent == tmp_path


def test_what_uvicorn_cuts_requests_off_with() -> None:
    begun = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await asyncio.sleep(60)

    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=0)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    with errors_of_servers() as records:
        thread.start()
        wait_for(lambda: server.started)
        with socket.create_connection(server.servers[0].sockets[0].getsockname()) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            begun.wait(20)
            server.should_exit = True
            thread.join(20)
    errors = [record.exc_info[1] for record in records if record.exc_info]
    assert {(type(error), error.args) for error in errors if error} == {(asyncio.CancelledError, (upstream.CUT_OFF,))}


def test_new_response_is_what_the_constructor_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = flask.Response(b"body", content_type="text/plain")
    new = upstream.new_response(b"body", "text/plain")
    assert vars(new).keys() == vars(made).keys()
    for name, value in vars(made).items():
        assert vars(new)[name] == value, name
        assert type(vars(new)[name]) is type(value), name
        if isinstance(value, (list, Headers)):
            assert vars(new)[name] is not vars(upstream.new_response(b"body", "text/plain"))[name], name
    seen = []
    init = flask.Response.__init__

    def patched(self: flask.Response, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        seen.append(self)

    monkeypatch.setattr(flask.Response, "__init__", patched)
    assert [upstream.new_response(b"body", "text/plain")] == seen


@pytest.mark.parametrize(
    "values",
    [
        {"QUERY_STRING": "b=c&d=\xfc"},
        {"PATH_INFO": "//a//\xc3\xa4\xff", "SCRIPT_NAME": "/r\xc3\xb6\xf6t/"},
        {"PATH_INFO": "", "SCRIPT_NAME": "", "HTTP_HOST": "other.test"},
        {"REQUEST_METHOD": "post", "SERVER_PORT": "", "REMOTE_ADDR": "203.0.113.9", "wsgi.url_scheme": "https"},
    ],
)
def test_new_request_is_what_the_constructor_makes(values: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Request(flask.Request):
        pass

    class Initialised(flask.Request):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)

    class Allocated(flask.Request):
        def __new__(cls, *args: Any, **kwargs: Any) -> Allocated:
            made.append(super().__new__(cls))
            return made[-1]  # type: ignore[return-value]

    made: list[flask.Request] = []
    environ = {**create_environ("/a", "https://example.test:8443/"), **values}
    request = upstream.new_request(Request, environ)
    assert environ.pop("werkzeug.request") is request
    other = Request(environ)
    assert list(vars(request)) == list(vars(other))
    assert vars(request) == vars(other)
    assert {name: type(value) for name, value in vars(request).items()} == {
        name: type(value) for name, value in vars(other).items()
    }
    assert [upstream.new_request(cls, environ) for cls in (Initialised, Allocated)] == made
    init = WerkzeugRequest.__init__

    def patched(self: flask.Request, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(WerkzeugRequest, "__init__", patched)
    assert upstream.new_request(Request, environ) is made[-1]


def test_a_request_that_closes_nothing() -> None:
    class Request(flask.Request):
        def close(self) -> None:
            pass

    closed = []

    class File(io.BytesIO):
        def close(self) -> None:
            closed.append(self)
            super().close()

    environ = create_environ(method="POST", data={"file": (io.BytesIO(b"content"), "name")})
    assert upstream.request_closes_nothing(flask.Request(environ))
    assert not upstream.request_closes_nothing(Request(environ))
    request = flask.Request(environ)
    file = File()
    request._get_file_stream = lambda *args, **kwargs: file  # type: ignore[method-assign]
    assert request.files["file"].read() == b"content"
    assert not upstream.request_closes_nothing(request)
    request.close()
    assert closed == [file]


def test_copy_of_is_another_response() -> None:
    class Response(flask.Response):
        pass

    made = Response(b"body", status=404, headers=[("X-A", "1"), ("X-A", "2")], content_type="text/plain")
    copy = upstream.copy_of(made)
    assert type(copy) is Response
    assert vars(copy) == vars(made)
    for name, value in vars(made).items():
        if isinstance(value, (list, Headers)):
            assert vars(copy)[name] is not value, name
    copy.headers.add("X-A", "3")
    copy.set_data(b"other")
    copy.call_on_close(print)
    assert made.headers.getlist("X-A") == ["1", "2"]
    assert (made.get_data(), made._on_close) == (b"body", [])


def test_parts_of_a_response() -> None:
    response = flask.Response([b"a", b"b"], status="404 GONE", headers=[("X-A", "1")])
    parts = upstream.parts_of(response)
    assert parts == (response.response, response.status, response.status_code, list(response.headers))
    response.call_on_close(print)
    assert upstream.parts_of(response) is None
