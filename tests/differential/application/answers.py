"""Everything that a view may return, and some things that it may not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    jsonify,
    make_response,
    render_template,
    render_template_string,
    request,
    stream_template,
    stream_with_context,
)
from werkzeug.datastructures import Headers
from werkzeug.exceptions import Gone, ImATeapot

from .hooks import after_this_request
from .journal import journal_of, note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

answers = Blueprint("answers", __name__, url_prefix="/answers")

VALUES: dict[str, Callable[[], Any]] = {
    "text": lambda: "Grüße ☃",
    "bytes": lambda: b"\x00\xff",
    "bytearray": lambda: bytearray(b"array"),
    "dict": lambda: {"b": 1, "a": ["ü", None]},
    "list": lambda: [1, {"x": 2.5}],
    "empty": lambda: "",
    "none": lambda: None,
    "number": lambda: 7,
    "tuple-1": lambda: ("one",),
    "tuple-4": lambda: ("a", 200, {}, "b"),
    "tuple-0": lambda: (),
    "status": lambda: ("made", 201),
    "status-text": lambda: ("text", "299 Strange Thing"),
    "status-short": lambda: ("short", "404"),
    "status-number": lambda: ("odd", 799),
    "status-bad": lambda: ("bad", "nonsense"),
    "headers": lambda: ("headers", {"X-One": "1", "X-Many": ["a", "b"]}),
    "headers-list": lambda: ("headers", 200, [("X-Many", "a"), ("x-many", "b"), ("Content-Type", "text/x-own")]),
    "headers-object": lambda: ("headers", Headers([("X-A", "1"), ("X-a", "2")])),
    "header-latin": lambda: ("latin", {"X-Latin": "größe"}),
    "header-snowman": lambda: ("snowman", {"X-Snow": "☃"}),
    "header-newline": lambda: ("newline", {"X-New": "a\r\nb: c"}),
    "header-empty": lambda: ("empty", {"X-Empty": "", "X-Blank": "  padded  "}),
    "header-number": lambda: ("number", {"X-Number": 5}),
    "none-in-tuple": lambda: (None, 204),
    "no-content": lambda: ("", 204),
    "no-content-with-body": lambda: ("ignored", 204),
    "not-modified": lambda: ("ignored", 304, {"ETag": '"x"'}),
    "reset": lambda: ("", 205),
    "response": lambda: Response("made", 202, {"X-Own": "1"}, mimetype="text/x-own"),
    "response-in-tuple": lambda: (Response("made", 202), 203, {"X-More": "2"}),
    "response-list": lambda: Response(["a", "", "ü"]),
    "response-none": lambda: Response(None, 200),
    "response-reason": lambda: Response("reason", "200 Very Fine"),
    "made": lambda: make_response("made", 418),
    "made-empty": lambda: make_response(),
    "json": lambda: jsonify(a=1, time=None),
    "json-bad": lambda: jsonify(object()),
    "wsgi": lambda: _wsgi,
    "exception-class": lambda: Gone(),
    "exception-response": lambda: ImATeapot("short and stout").get_response(),
    "length": lambda: Response("12345", headers={"Content-Length": "5"}),
    "length-wrong-type": lambda: Response("12345", content_type=None),
    "location": lambda: Response("", 302, {"Location": "relative?q=ü#x"}),
    "location-autocorrect": lambda: ("", 201, {"Location": "//other/x y"}),
    "cookies": lambda: _with_cookies(),
    "generator": lambda: (f"{number} " for number in range(3)),
    "generator-empty": lambda: iter(()),
    "generator-empties": lambda: (text for text in ("", "a", "", "", "b", "")),
    "generator-bytes": lambda: (b"1", b"\xff").__iter__(),
    "generator-tuple": lambda: ((text for text in "ab"), 203, {"X-Stream": "1"}),
    "generator-length": lambda: Response(iter(["abc", "de"]), headers={"Content-Length": "5"}),
    "generator-length-one": lambda: Response(iter(["abcde"]), headers={"Content-Length": "5"}),
    "generator-number": lambda: Response(iter([1, 2]), direct_passthrough=True),  # type: ignore[arg-type]
    "generator-no-content": lambda: Response(iter(["x"]), 204),
    "passthrough": lambda: Response(iter([b"a", b"b"]), direct_passthrough=True),
    "implicit-sequence": lambda: _implicit(),
}


def _wsgi(environ: Any, start_response: Any) -> Any:
    write = start_response("207 Own", [("X-Wsgi", environ["PATH_INFO"]), ("Content-Type", "text/plain")])
    write(b"written ")
    return [b"returned"]


def _with_cookies() -> Response:
    response = make_response("cookies")
    response.set_cookie("plain", "value")
    response.set_cookie(
        "odd", 'a "b";,\\ ü', max_age=60, expires=2_000_000_000, path="/a", domain="example.org", secure=True
    )
    response.set_cookie("strict", "1", httponly=True, samesite="Strict", expires=0)
    response.set_cookie("plain", "again")
    response.delete_cookie("gone", partitioned=True, secure=True)
    return response


def _implicit() -> Response:
    response = Response(iter(["x", "yz"]))
    response.make_sequence()
    response.add_etag()
    return response


@answers.route("/value/<name>", methods=["GET", "POST", "HEAD"])
def value(name: str) -> Any:
    note(f"view: {name}")
    return VALUES[name]()


@answers.route("/changed")
def changed() -> str:
    @after_this_request
    def one(response: Response) -> Response:
        note("after this: one")
        response.headers["X-Order"] = response.headers.get("X-Order", "") + "1"
        return response

    @after_this_request
    def two(response: Response) -> Response:
        note("after this: two")
        response.headers["X-Order"] = response.headers.get("X-Order", "") + "2"
        response.status_code = request.args.get("status", 200, int)
        return response

    return "changed"


@answers.route("/closing/<kind>")
def closing(kind: str) -> Response:
    """``call_on_close``, for a body that is complete and one that is not."""
    notes = journal_of(current_app)
    body: Any = "complete" if kind == "complete" else iter(["in ", "pieces"])
    response = Response(body)
    response.call_on_close(lambda: notes.append("closed: first"))
    response.call_on_close(lambda: notes.append("closed: second"))
    return response


@answers.route("/stream/<kind>")
def stream(kind: str) -> Any:
    """Generators with and without a context, that fail at the start or later, or say what they see."""
    notes = journal_of(current_app)
    at = request.args.get("fail", -1, int)

    def pieces() -> Iterator[str]:
        try:
            for number in range(4):
                if number == at:
                    raise ArithmeticError(f"at {number}")
                notes.append(f"stream: {number}")
                yield f"{number}:{request.path if kind == 'context' else ''};"
        finally:
            notes.append(f"stream: closed {bool(g) if kind == 'context' else ''}")

    if kind == "generator":
        return pieces()
    if kind == "context":
        return Response(stream_with_context(pieces()), mimetype="text/x-stream")
    if kind == "lost":
        return Response(f"{request.path}" for _ in range(2))
    return {"length": Response(pieces(), headers={"Content-Length": "12"}), "list": Response(list(pieces()))}[kind]


@answers.route("/page")
def page() -> Any:
    return render_template("page.html", word=request.args.get("word", "<word>"))


@answers.route("/page/stream")
def page_stream() -> Any:
    return stream_template("page.html", word="stream")


@answers.route("/page/string")
def page_string() -> str:
    return render_template_string("{{ request.args.x }}|{{ missing }}|{{ g.first }}|{{ shared }}", x=1)


@answers.route("/page/<kind>")
def page_broken(kind: str) -> str:
    return render_template({"missing": "missing.html"}[kind])


@answers.route("/conditional", methods=["GET", "HEAD", "PUT"])
def conditional() -> Any:
    response = make_response("0123456789" * 10)
    response.set_etag("tag", weak="weak" in request.args)
    response.last_modified = time.gmtime(1_000_000_000)  # type: ignore[assignment]
    return response.make_conditional(request, accept_ranges="ranges" in request.args, complete_length=100)
