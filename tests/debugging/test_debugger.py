"""Werkzeug's debugger through the ASGI server, without a browser."""

from __future__ import annotations

import asyncio
import html
import socket
from typing import TYPE_CHECKING, Any

import asgiref
import flask
import httpx
import pytest
import quart

import aeros_compat
from aeros_compat import WebServer
from aeros_compat.debugging.debugger import Debugger, is_public, with_debugger

from ..servers import served
from .page import PIN, Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from aeros_compat.types import Receive, Scope, Send

    from ..conftest import Lane


@pytest.fixture
def app(app: WebServer, lane: Lane, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """An application in debug mode, with one view in the lane under test."""
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", PIN)
    app.testing = False
    app.debug = True

    @app.before_request
    def remember() -> None:
        flask.g.remembered = "from the hook"

    @app.route("/view", methods=["GET", "POST"])
    @lane
    def view() -> str:
        answer = 41
        flask.session["user"] = "somebody"
        return str(answer / 0)

    return app


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


def test_page_and_console_in_the_frame_of_the_view(app: WebServer, client: httpx.Client) -> None:
    with served(with_debugger(app, host="127.0.0.1")) as url:
        page = Page(client, f"{url}/view?name=value")
        assert page.answer.status_code == 500
        assert "ZeroDivisionError" in page.text
        assert page.frames()[-1][0] == "view"
        assert page.enter_pin() == {"auth": True, "exhausted": False}
        assert page.evaluate("answer + 1", "view") == "42"
        # Frames keep what has been assigned in them.
        page.evaluate("answer = 6", "view")
        assert page.evaluate("answer * 7", "view") == "42"


def test_request_of_the_failed_view_in_its_console(app: WebServer, client: httpx.Client) -> None:
    """Both vocabularies are live in it, and are those of its own request, whatever came after."""
    with served(with_debugger(app, host="127.0.0.1")) as url:
        page = Page(client, f"{url}/view?name=value", method="POST", json={"sent": 1})
        Page(client, f"{url}/view?name=later")
        page.enter_pin()
        for module in ("flask", "quart"):
            assert page.evaluate(f"import {module}; {module}.request.args['name']", "view") == "'value'"
            assert page.evaluate(f"{module}.g.remembered", "view") == "'from the hook'"
            assert page.evaluate(f"{module}.session['user']", "view") == "'somebody'"
            assert page.evaluate(f"{module}.current_app.name", "view") == repr(app.name)
        assert page.evaluate("flask.request.get_json()", "view") == "{'sent': 1}"
        awaited = "from asgiref.sync import async_to_sync; async_to_sync(quart.request.get_json)()"
        assert page.evaluate(awaited, "view") == "{'sent': 1}"
        # And nothing of it is left behind for the next.
        assert Page(client, f"{url}/view?name=other").answer.status_code == 500


def test_console_reaches_the_loop_of_the_server(app: WebServer, client: httpx.Client) -> None:
    @app.before_serving
    async def remember_loop() -> None:
        app.extensions["loop"] = asyncio.get_running_loop()

    with served(with_debugger(app, host="127.0.0.1")) as url:
        page = Page(client, f"{url}/view")
        page.enter_pin()
        page.evaluate("import asyncio, flask; from asgiref.sync import async_to_sync", "view")
        page.evaluate("async def same(): return asyncio.get_running_loop() is loop\n", "view")
        page.evaluate("", "view")
        page.evaluate("loop = flask.current_app.extensions['loop']", "view")
        assert page.evaluate("async_to_sync(same)()", "view") == "True"


def test_without_the_pin(app: WebServer, client: httpx.Client) -> None:
    with served(with_debugger(app, host="127.0.0.1")) as url:
        page = Page(client, f"{url}/view")
        assert page.enter_pin("111-111-111") == {"auth": False, "exhausted": False}
        refused = page.ask(cmd="answer", frm=page.frames()[-1][1])
        assert refused.status_code == 404
        assert "PIN" in refused.text
        assert "41" not in refused.text


def test_without_the_secret_of_the_page(app: WebServer, client: httpx.Client) -> None:
    with served(with_debugger(app, host="127.0.0.1")) as url:
        page = Page(client, f"{url}/view")
        page.enter_pin()
        refused = page.ask(cmd="answer", frm=page.frames()[-1][1], s="guessed")
        assert refused.status_code == 404
        assert page.ask(cmd="pinauth", pin=PIN, s="guessed").status_code == 404


@pytest.mark.parametrize("command", ["answer", "pinauth", "printpin"])
def test_from_another_host(app: WebServer, client: httpx.Client, command: str) -> None:
    """A name that a foreign page has pointed at this machine (DNS rebinding) gets nowhere."""
    with served(with_debugger(app, host="127.0.0.1")) as url:
        page = Page(client, f"{url}/view")
        page.enter_pin()
        headers = {"Host": "evil.example"}
        refused = page.ask(cmd=command, frm=page.frames()[-1][1], pin=PIN, headers=headers)
        assert refused.status_code == 400
        assert "EVALEX = false" in Page(client, f"{url}/view", headers=headers).text
        assert client.get(f"{url}/console", headers=headers).status_code == 400


def test_host_that_is_listened_at_is_trusted(app: WebServer, client: httpx.Client) -> None:
    with served(with_debugger(app, host="my.machine")) as url:
        page = Page(client, f"{url}/view", headers={"Host": "my.machine"})
        assert "EVALEX = true" in page.text


def test_pages_without_evaluation(app: WebServer, client: httpx.Client) -> None:
    with served(with_debugger(app, host="127.0.0.1", evalex=False)) as url:
        page = Page(client, f"{url}/view")
        assert "ZeroDivisionError" in page.text
        assert "EVALEX = false" in page.text
        page.enter_pin()
        assert page.ask(cmd="answer", frm=page.frames()[-1][1]).status_code == 404
        assert client.get(f"{url}/console").text != Page(client, f"{url}/view").text
        assert client.get(f"{url}/console").status_code == 404


def test_resources_and_console_of_its_own(app: WebServer, client: httpx.Client) -> None:
    with served(with_debugger(app, host="127.0.0.1")) as url:
        page = Page(client, f"{url}/view")
        script = page.ask(cmd="resource", f="debugger.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert "openShell" in script.text
        console = Page(client, f"{url}/console")
        console.enter_pin()
        assert repr(app) in html.unescape(console.ask(cmd="app", frm=0).text)


def test_pin_is_printed_when_a_page_asks(
    app: WebServer, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with served(with_debugger(app, host="127.0.0.1")) as url, caplog.at_level("INFO", "werkzeug"):
        page = Page(client, f"{url}/view")
        assert page.ask(cmd="printpin").text == ""
    assert PIN in caplog.text


def test_logged_once(app: WebServer, client: httpx.Client, capfd: pytest.CaptureFixture[str]) -> None:
    with served(with_debugger(app, host="127.0.0.1")) as url:
        assert client.get(f"{url}/view").status_code == 500
    written = capfd.readouterr()
    assert (written.err + written.out).count("ZeroDivisionError: ") == 1


def test_answers_that_have_begun(app: WebServer, lane: Lane, capfd: pytest.CaptureFixture[str]) -> None:
    """The connection breaks, as without the debugger, and what has been sent stays."""

    @app.get("/stream")
    @lane
    def stream() -> Any:
        def pieces() -> Iterator[bytes]:
            yield b"begun"
            raise LookupError("too late")

        return flask.Response(pieces())

    @app.get("/late")
    async def late() -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun"
            raise LookupError("too late")

        return pieces()

    with served(with_debugger(app, host="127.0.0.1")) as url:
        for path in ("/stream", "/late"):
            read: list[bytes] = []
            with (
                pytest.raises(httpx.RemoteProtocolError),
                httpx.stream("GET", url + path, headers={"Accept-Encoding": "identity"}) as answer,
            ):
                read.extend(answer.iter_raw())
            assert b"".join(read) == b"begun"
    written = capfd.readouterr()
    assert (written.err + written.out).count("LookupError: too late") == 2


def test_answers_that_fail_before_they_begin(app: WebServer, lane: Lane, client: httpx.Client) -> None:
    @app.get("/stream")
    @lane
    def stream() -> Any:
        def pieces() -> Iterator[bytes]:
            early = 41
            yield b"%d" % (early // 0)

        return flask.Response(pieces())

    with served(with_debugger(app, host="127.0.0.1")) as url:
        page = Page(client, f"{url}/stream")
        assert page.answer.status_code == 500
        page.enter_pin()
        assert page.evaluate("early + 1", "pieces") == "42"


def test_hooks_handlers_and_teardown(app: WebServer, lane: Lane, client: httpx.Client) -> None:
    """A failing hook has a page too; a handled exception has none; teardown gets the exception, as under Flask."""
    torn: list[str] = []

    @app.teardown_request
    @lane
    def teardown(error: BaseException | None = None) -> None:
        torn.append(type(error).__name__)

    @app.errorhandler(KeyError)
    @lane
    def handle(error: KeyError) -> tuple[str, int]:
        return "handled", 400

    @app.get("/handled")
    @lane
    def handled() -> str:
        raise KeyError

    @app.get("/hook")
    @lane
    def hook() -> str:
        @flask.after_this_request
        @lane
        def fail(response: flask.Response) -> flask.Response:
            in_hook = 41
            raise ValueError(in_hook)

        return ""

    with served(with_debugger(app, host="127.0.0.1")) as url:
        assert client.get(f"{url}/handled").text == "handled"
        page = Page(client, f"{url}/hook")
        assert "ValueError" in page.text
        page.enter_pin()
        assert page.evaluate("in_hook + 1", "fail") == "42"
        assert torn[:2] == ["NoneType", "ValueError"]


def test_chained_exceptions(app: WebServer, lane: Lane, client: httpx.Client) -> None:
    @app.get("/chained")
    @lane
    def chained() -> str:
        def inner() -> None:
            deep = 41
            raise KeyError(deep)

        try:
            inner()
        except KeyError as error:
            raise ValueError("outer") from error
        return ""

    with served(with_debugger(app, host="127.0.0.1")) as url:
        page = Page(client, f"{url}/chained")
        assert "direct cause" in page.text
        page.enter_pin()
        assert page.evaluate("deep + 1", "inner") == "42"
        assert page.evaluate("inner.__name__", "chained") == "'inner'"


def test_pages_show_the_users_frames(app: WebServer, client: httpx.Client) -> None:
    with served(with_debugger(app, host="127.0.0.1")) as url:
        page = Page(client, f"{url}/view")
    for machinery in (aeros_compat, asgiref, asyncio, quart):
        assert f"{machinery.__path__[0]}/" not in page.text


def test_failures_in_the_package_itself_are_not_hidden(app: WebServer, client: httpx.Client) -> None:
    @app.get("/number")
    def number() -> Any:
        return "", 600  # which no ASGI server can send: the gateway says so

    with served(with_debugger(app, host="127.0.0.1")) as url:
        page = Page(client, f"{url}/number")
    assert "an answer has one from 200 to 599" in page.text
    assert page.frames()[-1][0] == "fit_for_asgi"


def test_mounts(app: WebServer, client: httpx.Client) -> None:
    """What is mounted lets its exceptions through if it is in debug mode itself."""
    old, new = flask.Flask("old"), WebServer("new")

    @old.get("/fails")
    def old_fails() -> str:
        in_old = 41
        raise ValueError(in_old)

    @new.get("/fails")
    async def new_fails() -> str:
        in_new = 41
        raise ValueError(in_new)

    async def plain(scope: Scope, receive: Receive, send: Send) -> None:
        in_plain = 41
        raise ValueError(in_plain)

    old.debug = new.debug = True
    for prefix, mounted in (("/old", old), ("/new", new), ("/plain", plain)):
        app.mount(prefix, mounted)
    with served(with_debugger(app, host="127.0.0.1")) as url:
        for name, function in (("old", "old_fails"), ("new", "new_fails"), ("plain", "plain")):
            page = Page(client, f"{url}/{name}/fails?name=value")
            assert page.answer.status_code == 500
            page.enter_pin()
            assert page.evaluate(f"in_{name} + 1", function) == "42"
            if name != "plain":
                assert page.evaluate("import flask; flask.request.args['name']", function) == "'value'"
                assert page.evaluate("flask.current_app.name", function) == repr(name)


def test_middleware(app: WebServer, client: httpx.Client) -> None:
    """Around ``asgi_app`` and ``wsgi_app``: a request passes through it, and its own exceptions have a page."""
    inner = app.wsgi_app

    def wsgi(environ: Any, start_response: Any) -> Any:
        in_wsgi = 41
        if environ["PATH_INFO"] == "/wsgi":
            raise ValueError(in_wsgi)
        return inner(environ, start_response)

    asgi_inner = app.asgi_app

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        in_asgi = 41
        if scope.get("path") == "/asgi":
            raise ValueError(in_asgi)
        await asgi_inner(scope, receive, send)

    app.wsgi_app, app.asgi_app = wsgi, asgi  # type: ignore[method-assign]
    with served(with_debugger(app, host="127.0.0.1")) as url:
        for name in ("wsgi", "asgi"):
            page = Page(client, f"{url}/{name}")
            page.enter_pin()
            assert page.evaluate(f"in_{name} + 1", name) == "42"
        page = Page(client, f"{url}/view?name=value")
        assert page.evaluate("import flask; flask.request.args['name']", "view") == "'value'"


def test_queries_that_only_look_like_the_debuggers(app: WebServer, lane: Lane, client: httpx.Client) -> None:
    @app.get("/echo")
    @lane
    def echo() -> str:
        return str(dict(flask.request.args))

    with served(with_debugger(app, host="127.0.0.1")) as url:
        assert client.get(f"{url}/echo?q=__debugger__=yes").text == "{'q': '__debugger__=yes'}"
        assert client.get(f"{url}/echo?__debugger__=no").text == "{'__debugger__': 'no'}"


def test_without_the_debugger_nothing_of_it_exists(app: WebServer, lane: Lane, client: httpx.Client) -> None:
    """Also in debug mode: only ``run`` puts it there, and only if it was asked for."""

    @app.get("/echo")
    @lane
    def echo() -> str:
        return f"{flask.request.args.get('__debugger__')} {'werkzeug.debug.preserve_context' in flask.request.environ}"

    with served(app) as url:
        assert client.get(f"{url}/echo?__debugger__=yes&cmd=resource&f=debugger.js").text == "yes False"
        assert client.get(f"{url}/console").status_code == 404
        assert "EVALEX" not in client.get(f"{url}/view").text


def test_requests_in_flight_keep_theirs(app: WebServer, client: httpx.Client) -> None:
    """Pages of requests that were open at the same time answer from their own frames and contexts."""

    @app.get("/number/<int:number>")
    async def fails(number: int) -> str:
        await asyncio.sleep(0.05)
        raise ValueError(number)

    async def ask_all(url: str) -> list[httpx.Response]:
        async with httpx.AsyncClient() as many:
            return await asyncio.gather(*(many.get(f"{url}/number/{n}?name={n}") for n in range(8)))

    with served(with_debugger(app, host="127.0.0.1")) as url:
        answers = asyncio.run(ask_all(url))
        Page(client, f"{url}/view").enter_pin()
        for number, answer in enumerate(answers):
            page = Page(client, f"{url}/number/{number}?name=later")
            page.text = answer.text
            assert page.evaluate("number", "fails") == str(number)
            assert page.evaluate("import quart; quart.request.args['name']", "fails") == repr(str(number))


def test_warns_where_others_can_reach_it(
    app: WebServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in ("127.0.0.1", "::1", "localhost", None):
        assert isinstance(with_debugger(app, host=host), Debugger)
    assert capsys.readouterr().err == ""
    with_debugger(app, host="0.0.0.0")
    assert "who has the PIN can run code" in capsys.readouterr().err
    with_debugger(app, host="::", evalex=False)
    assert "source code" in capsys.readouterr().err
    # Said by the process that began, not again after every change.
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    with_debugger(app, host="0.0.0.0")
    assert "WARNING" not in capsys.readouterr().err


def test_public_addresses() -> None:
    assert not any(map(is_public, ("127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost")))
    assert all(map(is_public, ("0.0.0.0", "::", "192.168.1.2", "10.0.0.1")))
    assert is_public("no-such-name.invalid")


def test_one_process_only(app: WebServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert with_debugger(app, host="127.0.0.1", workers=2) is app
    assert "one process, and there are 2 workers" in capsys.readouterr().err


def test_client_that_has_left(app: WebServer) -> None:
    """The page goes nowhere, and the server goes on."""
    with served(with_debugger(app, host="127.0.0.1")) as url:
        parsed = httpx.URL(url)
        for _ in range(3):
            with socket.create_connection((parsed.host, parsed.port or 0)) as connection:
                connection.sendall(b"GET /view HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert httpx.get(f"{url}/view").status_code == 500
