"""Views that answer with what they were asked, read in each way that a request object offers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from werkzeug.datastructures import FileStorage

from .journal import note

echo = Blueprint("echo", __name__, url_prefix="/echo")

_ENVIRON = """
REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING SERVER_NAME SERVER_PORT SERVER_PROTOCOL REMOTE_ADDR REMOTE_PORT
CONTENT_TYPE CONTENT_LENGTH wsgi.url_scheme wsgi.input_terminated wsgi.version wsgi.run_once
"""
ENVIRON = _ENVIRON.split()
_PLAIN = """
method scheme host path full_path root_path script_root url base_url url_root host_url query_string remote_addr
is_secure content_length content_type content_encoding content_md5 mimetype mimetype_params is_json authorization
range if_range if_match if_none_match if_modified_since if_unmodified_since cache_control pragma accept_mimetypes
accept_charsets accept_encodings accept_languages user_agent referrer origin date max_forwards access_route
remote_user server endpoint url_rule view_args blueprint blueprints want_form_data_parsed
access_control_request_headers access_control_request_method is_multithread is_multiprocess is_run_once
max_content_length max_form_memory_size max_form_parts trusted_hosts routing_exception
"""
PLAIN = _PLAIN.split()


def plain(value: Any) -> Any:
    """A value as JSON can carry it."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, FileStorage):
        return [value.name, value.filename, value.content_type, sorted(value.headers.items()), plain(value.read())]
    return str(value)


def of(name: str) -> Any:
    """An attribute of the request, or the error that reading it raises."""
    try:
        return plain(getattr(request, name))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@echo.route("/", defaults={"rest": ""}, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"])
@echo.route("/head/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"])
def head(rest: str) -> Any:
    without = request.args.getlist("without")  # on real sockets, ports are never the same
    return {
        "rest": rest,
        "request": {name: of(name) for name in PLAIN if name not in without},
        "headers": sorted(map(list, request.headers.items())),
        "args": list(request.args.items(multi=True)),
        "cookies": list(request.cookies.items(multi=True)),
        "environ": {name: request.environ.get(name, "(missing)") for name in ENVIRON if name not in without},
    }


@echo.post("/form")
def form() -> Any:
    return {
        "form": list(request.form.items(multi=True)),
        "files": [[name, plain(file)] for name, file in request.files.items(multi=True)],
        "values": list(request.values.items(multi=True)),
        "data": plain(request.get_data()),
    }


@echo.route("/data", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def data() -> Any:
    as_text: Any = "text" in request.args
    first = request.get_data(cache="twice" in request.args, as_text=as_text)
    return [plain(first), plain(request.get_data()), plain(request.data), request.form.to_dict()]


@echo.post("/json")
def json() -> Any:
    force, silent = "force" in request.args, "silent" in request.args
    return jsonify([request.get_json(force=force, silent=silent), request.is_json, plain(request.get_data())])


@echo.post("/stream")
def stream() -> Any:
    size = request.args.get("size", 7, int)
    if "lines" in request.args:
        return [plain(line) for line in request.stream]
    pieces = [plain(request.stream.read(size)), plain(request.stream.readline()), plain(request.stream.readline(size))]
    return [*pieces, plain(request.stream.readlines()), plain(request.stream.read()), plain(request.stream.read(1))]


@echo.post("/input")
def wsgi_input() -> Any:
    source = request.environ["wsgi.input"]
    return [plain(source.read(3)), plain(source.readline(5)), plain(source.readline()), plain(list(source))]


@echo.post("/limited")
def limited() -> Any:
    """Limits of one view, as Flask 3.1 has them."""
    request.max_content_length = request.args.get("content", type=int)
    request.max_form_memory_size = request.args.get("memory", type=int)
    request.max_form_parts = request.args.get("parts", type=int)
    try:
        return [list(request.form.items(multi=True)), sorted(request.files), plain(request.get_data())]
    finally:
        note(f"limited: {request.content_length}")


@echo.post("/unread")
def unread() -> str:
    return "not looked at"


@echo.post("/large")
def large() -> str:
    data = request.get_data()
    return f"{len(data)} {sum(data) % 9973}"
