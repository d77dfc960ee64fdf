"""The settings of compression: the constructor's objects, flask-compress's names, and what is refused."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import flask
import flask.app
import httpx
import pytest
from flask_compress import Compress

import aeros_compat
from aeros_compat import Br, Compression, Gzip, WebServer, Zstd
from aeros_compat.policy.compression import Settings, defaults

from ..servers import served

if TYPE_CHECKING:
    from ..conftest import Lane


def encoding_of(app: WebServer, accept: str = "zstd, br, gzip, deflate", path: str = "/") -> str | None:
    return app.test_client().get(path, headers={"Accept-Encoding": accept}).headers.get("Content-Encoding")


def app_with(lane: Lane, body: str = "x" * 500, **settings: Any) -> WebServer:
    app = WebServer(__name__, **settings)
    app.add_url_rule("/", view_func=lane(lambda: body), endpoint="view")
    return app


def test_on_by_default(lane: Lane) -> None:
    app = app_with(lane)
    assert encoding_of(app) == "zstd"
    assert encoding_of(app, "gzip") == "gzip"
    assert encoding_of(app, "identity") is None
    assert encoding_of(app_with(lane, "x" * 499)) is None
    for off in (None, False):
        app = app_with(lane, compression=off)
        assert encoding_of(app) is None
        assert "Vary" not in app.test_client().get("/").headers


def test_defaults_are_those_of_flask_compress_but_for_two() -> None:
    app = flask.Flask(__name__)
    Compress(app)
    theirs = {name: value for name, value in app.config.items() if name.startswith("COMPRESS_")}
    assert len(theirs) > 10
    assert {name for name in theirs if theirs[name] != defaults()[name]} == {"COMPRESS_LEVEL", "COMPRESS_MIMETYPES"}
    assert defaults()["COMPRESS_LEVEL"] == 2
    assert set(theirs["COMPRESS_MIMETYPES"]) < set(defaults()["COMPRESS_MIMETYPES"])


@pytest.mark.parametrize(("compression", "name"), [(Gzip(), "gzip"), (Br(), "br"), (Zstd(), "zstd")])
def test_one_algorithm(lane: Lane, compression: Compression, name: str) -> None:
    app = WebServer(__name__, compression=compression)
    app.add_url_rule("/", view_func=lane(lambda: "x" * 500), endpoint="view")
    app.add_url_rule("/stream", view_func=lane(lambda: iter(["x" * 500, "y"])), endpoint="stream")
    for path in ("/", "/stream"):
        assert encoding_of(app, path=path) == name
        assert encoding_of(app, "identity, deflate", path) is None


def test_objects_write_flask_compress_settings() -> None:
    assert WebServer(__name__, compression=Gzip(level=9, min_size=10)).config.get_namespace("COMPRESS_") == {
        "level": 9,
        "min_size": 10,
        "algorithm": ["gzip"],
        "algorithm_streaming": ["gzip"],
    }
    assert Br(level=7).config["COMPRESS_BR_LEVEL"] == 7
    assert Zstd(level=12).config["COMPRESS_ZSTD_LEVEL"] == 12
    assert Compression(5, 100, ["text/html"]).config == {
        "COMPRESS_LEVEL": 5,
        "COMPRESS_MIN_SIZE": 100,
        "COMPRESS_MIMETYPES": ["text/html"],
    }
    assert WebServer(__name__).config.get_namespace("COMPRESS_") == {}


def test_level_counts(lane: Lane) -> None:
    text = inspect.getsource(flask.app)

    def size(**settings: Any) -> int:
        app = app_with(lane, text, **settings)
        return len(app.test_client().get("/", headers={"Accept-Encoding": "gzip"}).data)

    assert size(compression=Gzip(level=9)) < size(compression=Gzip(level=1))
    assert size() == size(compression=Gzip()) == size(compression=Compression(level=2))


def test_configuration_after_construction_counts(lane: Lane) -> None:
    app = app_with(lane, "short", compression=Gzip(min_size=1000))
    app.config["COMPRESS_MIN_SIZE"] = 5
    app.config["COMPRESS_ALGORITHM"] = "deflate, br"
    assert encoding_of(app) == "deflate"
    app = app_with(lane)
    app.config["COMPRESS_MIMETYPES"] = ["application/json"]
    assert encoding_of(app) is None


def test_configuration_by_a_function_of_the_start_counts() -> None:
    app = WebServer(__name__)

    @app.before_serving
    def configure() -> None:
        app.config["COMPRESS_MIN_SIZE"] = 5

    @app.get("/")
    async def view() -> str:
        return "a short text"

    with served(app) as url:
        assert httpx.get(url, headers={"Accept-Encoding": "gzip"}).headers["content-encoding"] == "gzip"


def test_register_off_leaves_it_to_the_decorator(lane: Lane) -> None:
    app = WebServer(__name__)
    app.config["COMPRESS_REGISTER"] = False
    compress = Compress(app)
    app.add_url_rule("/", view_func=lane(lambda: "x" * 500), endpoint="plain")
    app.add_url_rule("/marked", view_func=compress.compressed()(lambda: "x" * 500), endpoint="marked")
    assert encoding_of(app) is None
    assert encoding_of(app, path="/marked") == "zstd"


def test_streams_off(lane: Lane) -> None:
    app = WebServer(__name__)
    app.config["COMPRESS_STREAMS"] = False
    app.add_url_rule("/", view_func=lane(lambda: iter(["x" * 500, "y"])), endpoint="stream")
    app.add_url_rule("/whole", view_func=lane(lambda: "x" * 500), endpoint="whole")
    assert encoding_of(app) is None
    assert encoding_of(app, path="/whole") == "zstd"


def test_compress_is_flask_compress() -> None:
    assert aeros_compat.Compress is Compress


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: Gzip(level=10), ValueError, "COMPRESS_LEVEL is a whole number from -1 to 9, not 10"),
        (lambda: Br(level=12), ValueError, "COMPRESS_BR_LEVEL is a whole number from 0 to 11, not 12"),
        (lambda: Zstd(level=23), ValueError, "COMPRESS_ZSTD_LEVEL is a whole number"),
        (lambda: Compression(level=2.5), ValueError, "COMPRESS_LEVEL is a whole number"),  # type: ignore[arg-type]
        (lambda: Compression(algorithms=["lzma"]), ValueError, "there is no algorithm 'lzma'. There are zstd, br"),
        (lambda: Compression(min_size=-1), ValueError, "COMPRESS_MIN_SIZE is a number of bytes, not -1"),
        (lambda: Compression(mimetypes=[1]), TypeError, "COMPRESS_MIMETYPES is a list of names"),  # type: ignore[list-item]
        (lambda: WebServer(__name__, compression="gzip"), TypeError, r"compression is Gzip\(\), Br\(\)"),  # type: ignore[arg-type]
        (lambda: WebServer(__name__, compression=Gzip), TypeError, r"compression is Gzip\(\), Br\(\)"),  # type: ignore[arg-type]
    ],
)
def test_wrong_settings_fail_at_construction(make: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        make()


def test_wrong_configuration_fails_with_a_sentence() -> None:
    app = WebServer(__name__)
    app.config["COMPRESS_ALGORITHM"] = ["brotli"]
    with pytest.raises(ValueError, match="COMPRESS_ALGORITHM: there is no algorithm 'brotli'"):
        app.test_client().get("/")


HTML = (b"content-type", b"text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("status", "headers", "may"),
    [
        (200, [HTML], True),
        (200, [(b"Content-Type", b"TEXT/HTML")], True),
        (200, [HTML, (b"content-length", b"499")], False),
        (200, [HTML, (b"content-length", b"500")], True),
        (200, [HTML, (b"content-length", b"9" * 5000)], True),
        (404, [HTML], True),
        (500, [HTML], True),
        (302, [HTML], True),
        (204, [HTML], False),
        (206, [HTML], False),
        (304, [HTML], False),
        (103, [HTML], False),
        (200, [], False),
        (200, [(b"content-type", b"image/png")], False),
        (200, [(b"content-type", b"text/event-stream")], False),
        (200, [HTML, (b"content-encoding", b"gzip")], False),
        (200, [HTML, (b"Content-Encoding", b"identity")], False),
        (416, [HTML, (b"content-range", b"bytes */5")], False),
        (200, [HTML, (b"content-digest", b"sha-256=:x:")], False),
        (200, [HTML, (b"cache-control", b"public, No-Transform")], False),
        (200, [HTML, (b"cache-control", b"no-transform"), (b"cache-control", b"public")], False),
        (200, [HTML, (b"cache-control", b"public")], True),
        (200, [HTML, (b"vary", b"Cookie")], True),
        (200, [HTML, (b"vary", b"*")], True),
        (200, [HTML, (b"vary", b"Cookie, accept-encoding")], False),
    ],
)
def test_may_encode(status: int, headers: list[tuple[bytes, bytes]], may: bool) -> None:
    assert Settings({}).may_encode(status, headers) is may


def test_event_streams_if_asked() -> None:
    settings = Settings({"COMPRESS_MIMETYPES": ["text/event-stream"]})
    assert settings.may_encode(200, [(b"content-type", b"text/event-stream")])
