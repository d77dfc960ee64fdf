"""What is known of functions that others wrote: which of them neither wait nor touch what belongs to a thread.

A name that ends in a dot stands for everything below it.
"""

from __future__ import annotations

import builtins

#: Calls that compute and return. Logging is among them: its handlers write, and everybody logs on event loops.
HARMLESS = (
    *("base64.", "binascii.", "calendar.", "collections.", "colorsys.", "copy.", "dataclasses.", "datetime."),
    *("decimal.", "difflib.", "email.", "enum.", "fnmatch.", "fractions.", "functools.", "hmac.", "operator."),
    *("html.", "http.HTTPStatus", "ipaddress.", "itertools.", "json.", "keyword.", "logging.", "math.", "numbers."),
    *("hashlib.md5", "hashlib.sha1", "hashlib.sha256", "hashlib.sha512", "hashlib.blake2b", "hashlib.new"),
    *("pprint.pformat", "random.", "re.", "secrets.", "statistics.", "string.", "struct.", "textwrap.", "traceback."),
    *("types.", "typing.", "unicodedata.", "urllib.parse.", "uuid.", "warnings.", "zlib.", "zoneinfo."),
    *("io.StringIO", "io.BytesIO", "os.environ.", "os.getenv", "os.getpid", "os.path.basename", "os.path.dirname"),
    *("os.path.join", "os.path.normpath", "os.path.split", "os.path.splitext", "mimetypes.guess_type"),
    *("pathlib.Path", "pathlib.PurePath", "pathlib.PurePosixPath", "contextlib.suppress", "contextlib.nullcontext"),
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.strftime"),
    *("time.perf_counter_ns", "time.gmtime", "time.localtime", "time.mktime", "time.process_time", "time.strptime"),
    *("flask.redirect", "flask.url_for", "flask.abort", "flask.flash", "flask.get_flashed_messages", "flask.jsonify"),
    *("flask.make_response", "flask.Response", "flask.after_this_request", "flask.has_request_context"),
    *("flask.session.", "flask.request.", "flask.current_app.logger.", "flask.current_app.config.", "flask.g.get"),
    *("flask.g.pop", "flask.g.setdefault", "flask.escape", "flask.Markup", "markupsafe."),
    *("werkzeug.exceptions.", "werkzeug.utils.secure_filename", "werkzeug.http.", "werkzeug.datastructures."),
    *("itsdangerous.", "aeros_compat.sync_to_async", "asgiref.sync.sync_to_async"),
)

#: What makes a response, whatever is in it; and its methods that only write headers.
RESPONSES = ("flask.make_response", "flask.Response", "flask.jsonify", "flask.redirect", "werkzeug.wrappers.Response")
RESPONSE_METHODS = frozenset(("set_cookie", "delete_cookie", "set_etag"))
HEADERS_METHODS = frozenset(("add", "add_header", "get", "pop", "remove", "set", "setdefault", "setlist"))

#: What is harmless to make and not to use.
NOT_PLAIN = (
    *("pathlib.Path", "contextlib.suppress", "contextlib.nullcontext", "super"),
    *("flask.g.get", "flask.g.pop", "flask.g.setdefault", "flask.current_app.config."),
)

#: Attributes, or calls, that read the body of the request: more than 1 MiB of it may still be on its way.
BODY = tuple(
    f"flask.request.{name}"
    for name in ("data", "files", "form", "get_data", "get_json", "json", "stream", "values", "input_stream")
)
#: Those of them that give plain values: files have methods that wait.
PLAIN_BODY = tuple(name for name in BODY if not name.endswith(("files", "stream")))
BODY_WHY = "the body may still be arriving; await quart.request.… is the other way to read it"

#: Attributes that run code of the application's.
LOADING = {
    "flask_login.current_user": "reading it may load the user",
}

#: Functions that iterate over an argument, which may run what is behind it.
ITERATING = frozenset((
    "list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "any", "all", "min", "max", "enumerate", "zip",
    "map", "filter", "iter", "next", "reversed",
))  # fmt: skip
#: Modules whose functions may read a file that they are given.
READING = ("json.load", "json.dump", "csv.", "pickle.", "tomllib.load", "plistlib.", "configparser.")

#: Builtins that wait, or that see the frame they are called in.
_NOT_HARMLESS = frozenset((
    "open", "input", "breakpoint", "exec", "eval", "compile", "__import__", "locals", "vars", "dir", "globals", "help",
))  # fmt: skip
HARMLESS_BUILTINS = frozenset(dir(builtins)) - _NOT_HARMLESS - ITERATING

#: Modules whose functions iterate over what they are given.
ITERATING_MODULES = ("collections.", "itertools.", "statistics.", "functools.reduce", "math.fsum", "math.prod")

#: Methods of Python's own values that iterate over an argument.
ITERATING_METHODS = frozenset((
    "join", "extend", "update", "union", "intersection", "difference", "writelines",
))  # fmt: skip

#: Names that only methods of Python's own values have. (Not ``join``, which threads have, nor ``encode`` of a model.)
PLAIN_METHODS = frozenset((
    "append", "capitalize", "casefold", "endswith", "hexdigest", "isalnum", "isalpha", "isdigit", "isoformat",
    "isspace", "items", "keys", "lower", "lstrip", "removeprefix", "removesuffix", "rsplit", "rstrip", "setdefault",
    "split", "splitlines", "startswith", "strftime", "strip", "swapcase", "timestamp", "total_seconds", "upper",
    "zfill",
))  # fmt: skip
#: Methods that give rows, or a list of them, whatever they are called on.
FETCHING = frozenset(["fetchone", "fetchall", "fetchmany"])

#: What goes on until the client has everything: it depends on the thread that it began on.
STREAMS = {
    "flask.stream_with_context": "a stream with the request's context keeps its thread",
    "flask.stream_template": "a template that is sent while it is rendered keeps its thread",
    "flask.stream_template_string": "a template that is sent while it is rendered keeps its thread",
}

#: Functions that are known to wait, in words; for all others nothing is known.
WAITING = {
    "flask.render_template": "a template may call anything",
    "flask.render_template_string": "a template may call anything",
    "flask.get_template_attribute": "a template may call anything",
    "flask.send_file": "it reads a file",
    "flask.send_from_directory": "it reads a file",
    "open": "it opens a file",
    "time.sleep": "it sleeps",
    "requests.": "it waits for another server",
    "subprocess.": "it waits for a process",
    "redis.": "it waits for Redis",
    "sqlite3.": "it waits for a database, whose connection belongs to its thread",
    "psycopg.": "it waits for a database",
    "psycopg2.": "it waits for a database",
    "pymysql.": "it waits for a database",
    "urllib.request.": "it waits for another server",
    "shutil.": "it works on files",
    "os.": "it asks the system",
    "socket.": "it waits for the network",
    "smtplib.": "it waits for another server",
}


def is_listed(name: str, listed: object) -> bool:
    """Whether ``name`` is in a table, itself or below an entry that ends in a dot."""
    names = tuple(listed)  # type: ignore[var-annotated,arg-type]
    return name in names or any(entry.endswith(".") and name.startswith(entry) for entry in names)


def why_waiting(name: str) -> str | None:
    """Why calling ``name`` is known to wait; None if that is not known."""
    return next((why for entry, why in WAITING.items() if is_listed(name, [entry])), None)
