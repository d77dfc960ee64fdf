"""WSGI middleware of the kinds that people have, around both lanes: everything is as under WSGI."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

import flask
import httpx
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from werkzeug.middleware.profiler import ProfilerMiddleware
from werkzeug.middleware.shared_data import SharedDataMiddleware
from whitenoise import WhiteNoise  # type: ignore[import-untyped]

from aeros_compat import WebServer

from ..servers import served, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from ..conftest import Lane


@pytest.fixture
def site(app: WebServer, lane: Lane) -> WebServer:
    app.add_url_rule("/", view_func=lane(lambda: f"home {flask.request.environ.get('mark')}"), endpoint="home")
    app.add_url_rule("/stream", view_func=lane(lambda: iter(["a", "b", "c"])), endpoint="stream")
    app.add_url_rule(
        "/echo", view_func=lane(lambda: flask.request.get_data()), endpoint="echo", methods=["GET", "POST"]
    )
    return app


def wrap(app: WebServer, middleware: Any) -> None:
    app.wsgi_app = middleware  # type: ignore[method-assign]


class Recording:
    """Changes the environ, replaces ``start_response``, wraps the iterable, and has it closed."""

    def __init__(self, app: Any, name: str, log: list[str]) -> None:
        self.app, self.name, self.log = app, name, log

    def __call__(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        environ["mark"] = environ.get("mark", "") + self.name

        def replaced(status: str, headers: Any, exc_info: Any = None) -> Any:
            self.log.append(f"{self.name} start {threading.get_ident()}")
            return start_response(status, [*headers, ("X-Through", self.name)], exc_info)

        iterable = self.app(environ, replaced)
        try:
            for piece in iterable:
                self.log.append(f"{self.name} piece {threading.get_ident()}")
                yield piece.upper()
        finally:
            if hasattr(iterable, "close"):
                iterable.close()
            self.log.append(f"{self.name} close {threading.get_ident()}")


@pytest.mark.parametrize("path", ["/", "/stream"])
def test_layers_on_layers(site: WebServer, path: str) -> None:
    log: list[str] = []
    for name in ("in", "mid", "out"):
        wrap(site, Recording(site.wsgi_app, name, log))
    with served(site) as url:
        response = httpx.get(url + path)
        wait_for(lambda: any("out close" in line for line in log))
    assert response.text == ("HOME OUTMIDIN" if path == "/" else "ABC")
    assert response.headers.get_list("x-through", split_commas=True) == ["in", "mid", "out"]
    events = [line.rpartition(" ")[0] for line in log]
    assert events[:3] == ["in start", "mid start", "out start"]
    assert events[-3:] == ["in close", "mid close", "out close"]
    # One thread from the first line to the last.
    assert len({line.rpartition(" ")[2] for line in log}) == 1


def test_what_the_middleware_is_called_with_and_given_is_valid_wsgi(site: WebServer) -> None:
    wrap(site, validator(site.wsgi_app))
    wrap(site, validator(site.wsgi_app))
    with served(site) as url, httpx.Client(base_url=url) as client:
        assert client.get("/").text == "home None"
        assert client.get("/stream").text == "abc"
        assert client.head("/").text == ""
        # No bodies: Werkzeug calls read() without a size where the input ends by itself, which the validator refuses.
        assert client.get("/nothing").status_code == 404


class ReadsFirst:
    """Reads the body before the application, and gives it another one: what method override or signing does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body[::-1])
        environ["CONTENT_LENGTH"] = str(len(body))
        return self.app(environ, start_response)  # type: ignore[no-any-return]


def test_middleware_that_reads_the_body(site: WebServer) -> None:
    wrap(site, ReadsFirst(site.wsgi_app))
    with served(site) as url:
        assert httpx.post(f"{url}/echo", content=b"abc").text == "cba"
        assert httpx.post(f"{url}/echo", content=iter([b"ab", b"c"])).text == "cba"
        large = bytes(range(256)) * 8000
        assert httpx.post(f"{url}/echo", content=large).content == large[::-1]


def test_middleware_that_sends_elsewhere(site: WebServer) -> None:
    """A changed path is matched again; a request to another application of ours finds its own routes."""
    other = WebServer("other")
    other.add_url_rule("/", view_func=lambda: "other home", endpoint="other")
    inner = site.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/elsewhere":
            environ["PATH_INFO"] = "/"
        if "other" in environ["QUERY_STRING"]:
            return other.wsgi_app(environ, start_response)
        return inner(environ, start_response)

    wrap(site, middleware)
    with served(site) as url:
        assert httpx.get(f"{url}/elsewhere").text == "home None"
        assert httpx.get(f"{url}/?other").text == "other home"
        assert httpx.get(f"{url}/stream?other").status_code == 404


@pytest.fixture(params=["asgi", "wsgi"])
def get(request: pytest.FixtureRequest, site: WebServer) -> Iterator[Callable[..., httpx.Response]]:
    """Asks the site on uvicorn, or plain WSGI as a control, once the test has wrapped it."""
    if request.param == "wsgi":
        transport = httpx.WSGITransport(app=lambda environ, start: site(environ, start))
        with httpx.Client(transport=transport, base_url="http://localhost") as client:
            yield client.get
        return
    with served(site) as url, httpx.Client(base_url=url) as client:
        yield client.get


def test_whitenoise(site: WebServer, tmp_path: Path, get: Callable[..., httpx.Response]) -> None:
    (tmp_path / "site.css").write_text("body {}")
    (tmp_path / "big.bin").write_bytes(bytes(range(256)) * 4096)
    wrap(site, WhiteNoise(site.wsgi_app, root=str(tmp_path), prefix="assets/"))
    style = get("/assets/site.css")
    assert (style.text, style.headers["content-type"]) == ("body {}", 'text/css; charset="utf-8"')
    assert get("/assets/site.css", headers={"If-None-Match": style.headers["etag"]}).status_code == 304
    assert get("/assets/big.bin").content == bytes(range(256)) * 4096
    part = get("/assets/big.bin", headers={"Range": "bytes=256-511"})
    assert (part.status_code, part.content) == (206, bytes(range(256)))
    assert get("/").text == "home None"
    assert get("/assets/nothing").status_code == 404


def test_shared_data_middleware(site: WebServer, tmp_path: Path, get: Callable[..., httpx.Response]) -> None:
    (tmp_path / "page.txt").write_text("shared")
    wrap(site, SharedDataMiddleware(site.wsgi_app, {"/shared": str(tmp_path)}))
    page = get("/shared/page.txt")
    assert (page.text, page.headers["content-type"]) == ("shared", "text/plain; charset=utf-8")
    assert get("/shared/page.txt", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    assert get("/").text == "home None"


def test_profiler_middleware(site: WebServer, get: Callable[..., httpx.Response]) -> None:
    stream = io.StringIO()
    wrap(site, ProfilerMiddleware(site.wsgi_app, stream=stream))
    assert get("/").text == "home None"
    assert get("/stream").text == "abc"
    report = stream.getvalue()
    assert report.count("PATH: ") == 2
    assert "full_dispatch_request" in report


def test_opentelemetry(
    site: WebServer, lane: Lane, caplog: pytest.LogCaptureFixture, get: Callable[..., httpx.Response]
) -> None:
    """Spans of the request, with its route and status; the view's own spans are their children."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")

    @site.get("/item/<name>")
    @lane
    def item(name: str) -> Any:
        with tracer.start_as_current_span("inner"):
            trace.get_current_span().set_attribute("name", name)
        if name == "fail":
            flask.abort(418)
        return name

    FlaskInstrumentor().instrument_app(site, tracer_provider=provider)  # type: ignore[no-untyped-call]
    try:
        assert get("/item/one").text == "one"
        assert get("/item/fail").status_code == 418
        assert get("/stream").text == "abc"
        wait_for(lambda: len(exporter.get_finished_spans()) == 5)
    finally:
        FlaskInstrumentor().uninstrument_app(site)  # type: ignore[no-untyped-call]
    spans: dict[str, list[Any]] = {}
    for span in exporter.get_finished_spans():
        spans.setdefault(span.name, []).append(span)
    first, second = spans["GET /item/<name>"]
    assert first.attributes["http.route"] == "/item/<name>"
    assert (first.attributes["http.status_code"], second.attributes["http.status_code"]) == (200, 418)
    assert [inner.parent.span_id for inner in spans["inner"]] == [first.context.span_id, second.context.span_id]
    assert "different Context" not in caplog.text
    assert "Failed to detach" not in caplog.text


SENTRY = """
import asyncio, sys
import sentry_sdk
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.transport import Transport

captured = []

class Keep(Transport):
    def capture_envelope(self, envelope):
        captured.extend(item.payload.json for item in envelope.items if item.type in ("event", "transaction"))

sentry_sdk.init(
    "https://key@sentry.example/1", transport=Keep, traces_sample_rate=1.0,
    default_integrations=False, integrations=[FlaskIntegration()],
)

import httpx
from aeros_compat import WebServer
from tests.servers import served

app = WebServer("watched")

@app.get("/sync/<name>")
def sync(name):
    sentry_sdk.set_tag("name", name)
    raise LookupError(name)

@app.get("/async/<name>")
async def awaited(name):
    sentry_sdk.set_tag("name", name)
    await asyncio.sleep(0)
    raise LookupError(name)

@app.get("/quiet")
async def quiet():
    return "quiet"

with served(app) as url:
    assert httpx.get(f"{url}/sync/one").status_code == 500
    assert httpx.get(f"{url}/async/two").status_code == 500
    assert httpx.get(f"{url}/quiet").text == "quiet"
sentry_sdk.flush()
for event in captured:
    exception = [value["value"] for value in event.get("exception", {}).get("values", ())]
    print(event.get("type", "event"), event["transaction"], exception, event.get("tags", {}).get("name"),
          event["request"]["url"].partition("//")[2].partition("/")[2])
"""


def test_sentry() -> None:
    """Its integration patches Flask itself, for the whole process: hence one of its own."""
    done = subprocess.run([sys.executable, "-c", SENTRY], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        "event awaited ['two'] two async/two",
        "event sync ['one'] one sync/one",
        "transaction awaited [] two async/two",
        "transaction quiet [] None quiet",
        "transaction sync [] one sync/one",
    ]


def test_asgi_middleware_around_asgi_app(site: WebServer) -> None:
    seen: list[str] = []
    inner = site.asgi_app

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])
        if scope.get("path") == "/forbidden":
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b"forbidden"})
            return

        async def marked(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-outer", b"asgi")]
            await send(message)

        await inner(scope, receive, marked)

    site.asgi_app = middleware  # type: ignore[method-assign]
    with served(site, lifespan="on") as url:
        response = httpx.get(url)
        assert (response.text, response.headers["x-outer"]) == ("home None", "asgi")
        assert httpx.get(f"{url}/forbidden").status_code == 403
    assert seen == ["lifespan", "http", "http"]
    # Test clients meet it too.
    assert site.test_client().get("/").headers["x-outer"] == "asgi"
    assert site.test_client().get("/forbidden").status_code == 403
