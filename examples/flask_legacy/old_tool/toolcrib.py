"""The tool crib: who has which special tool. A plain WSGI application, without a framework.

It is older than Hangar and runs beside it: ``python -m old_tool.toolcrib`` serves it alone, and
any WSGI server can serve ``old_tool.toolcrib:application``, also below a path (SCRIPT_NAME).
It keeps its table in the file that TOOLCRIB_DATABASE names.
"""

import os
import sqlite3
from contextlib import closing
from html import escape
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote, unquote

LONGEST_FORM = 4096
HTML = ("Content-Type", "text/html; charset=utf-8")
TOOLS = [
    "Borescope",
    "Brake bleeder",
    "Cable tensiometer",
    "Magneto timing light",
    "Nitrogen cart",
    "Propeller protractor",
    "Rivet gun",
    "Torque wrench 20-100",
    "Wheel jack 12 t",
]
SCHEMA = """
CREATE TABLE IF NOT EXISTS tool (name TEXT PRIMARY KEY, holder TEXT);
CREATE TABLE IF NOT EXISTS history (
  happened_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, tool TEXT, holder TEXT, event TEXT
);
"""
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title} - Tool crib</title></head>
<body>
<p><a href="{root}/">Tools</a> <a href="{root}/history">History</a></p>
<h1>{title}</h1>
{body}
</body>
</html>
"""


class Problem(Exception):
    """A request that gets an error page."""

    def __init__(self, status, message, headers=()):
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = list(headers)


class ToolCrib:
    """The application; ``path`` is the file of its table."""

    def __init__(self, path):
        self.path = path
        self.pages = {
            ("GET", "/"): self.list_tools,
            ("GET", "/history"): self.show_history,
            ("POST", "/checkout"): self.check_out,
            ("POST", "/return"): self.give_back,
        }

    def __call__(self, environ, start_response):
        try:
            status, headers, body = self.find_page(environ)(environ)
        except Problem as problem:
            status, headers = problem.status, [*problem.headers, HTML]
            body = render(environ, status.phrase, f"<p>{escape(problem.message)}</p>")
        if isinstance(body, str):
            body = [body.encode()]
            headers = [*headers, ("Content-Length", str(len(body[0])))]
        start_response(f"{status.value} {status.phrase}", headers)
        if environ["REQUEST_METHOD"] == "HEAD":
            if hasattr(body, "close"):
                body.close()
            return []
        return body

    def find_page(self, environ):
        path = environ.get("PATH_INFO", "") or "/"
        method = environ["REQUEST_METHOD"]
        page = self.pages.get(("GET" if method == "HEAD" else method, path))
        if page is not None:
            return page
        allowed = [known for known, known_path in self.pages if known_path == path]
        if allowed:
            raise Problem(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"This page does not take {method}.",
                [("Allow", ", ".join(allowed))],
            )
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such page.")

    def connect(self):
        connection = sqlite3.connect(self.path, timeout=15, isolation_level="IMMEDIATE")
        connection.executescript(SCHEMA)
        if connection.execute("SELECT count(*) FROM tool").fetchone()[0] == 0:
            connection.executemany(
                "INSERT OR IGNORE INTO tool (name) VALUES (?)", [(name,) for name in TOOLS]
            )
            connection.commit()
        return connection

    def list_tools(self, environ):
        with closing(self.connect()) as db:
            tools = db.execute("SELECT name, holder FROM tool ORDER BY name").fetchall()
        known = escape(remembered_name(environ), quote=True)
        rows = "".join(row_of(root_of(environ), name, holder, known) for name, holder in tools)
        return html(environ, "Tools", f"<table>{rows}</table>")

    def show_history(self, environ):
        """Plain text, line by line while the rows are read."""
        return HTTPStatus.OK, [("Content-Type", "text/plain; charset=utf-8")], self.history()

    def history(self):
        with closing(self.connect()) as db:
            yield b"When\tTool\tWho\tWhat\n"
            for row in db.execute("SELECT * FROM history ORDER BY rowid"):
                yield ("\t".join(row) + "\n").encode()

    def check_out(self, environ):
        form = read_form(environ)
        tool, holder = form.get("tool", ""), form.get("holder", "").strip()
        if not holder:
            raise Problem(HTTPStatus.BAD_REQUEST, "Who are you?")
        self.move(
            tool, holder, "out", "UPDATE tool SET holder = ? WHERE name = ? AND holder IS NULL"
        )
        cookie = SimpleCookie()
        cookie["toolcrib_name"] = quote(holder)
        name = cookie["toolcrib_name"]
        name.update({"path": root_of(environ) + "/", "max-age": 2592000, "samesite": "Lax"})
        return redirect(environ, "/", [("Set-Cookie", name.OutputString())])

    def give_back(self, environ):
        self.move(
            read_form(environ).get("tool", ""),
            None,
            "back",
            "UPDATE tool SET holder = ? WHERE name = ? AND holder IS NOT NULL",
        )
        return redirect(environ, "/")

    def move(self, tool, holder, event, update):
        with closing(self.connect()) as db, db:
            if db.execute(update, (holder, tool)).rowcount == 0:
                raise Problem(HTTPStatus.CONFLICT, f"{tool or 'That tool'} is not there to take.")
            db.execute(
                "INSERT INTO history (tool, holder, event) VALUES (?, ?, ?)",
                (tool, holder or "", event),
            )


def root_of(environ):
    """The path that the tool is served below, ready to stand in a URL."""
    return quote(environ.get("SCRIPT_NAME", "").encode("latin-1")).rstrip("/")


def remembered_name(environ):
    cookie = SimpleCookie()
    try:
        cookie.load(environ.get("HTTP_COOKIE", ""))
    except CookieError:
        return ""
    return unquote(cookie["toolcrib_name"].value) if "toolcrib_name" in cookie else ""


def read_form(environ):
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise Problem(HTTPStatus.BAD_REQUEST, "That is no length.") from None
    if length > LONGEST_FORM:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "That is too much.")
    body = environ["wsgi.input"].read(length).decode("utf-8", "replace")
    return {name: values[0] for name, values in parse_qs(body).items()}


def row_of(root, tool, holder, known):
    tool = escape(tool, quote=True)
    if holder:
        action, state, field = "return", escape(holder), ""
    else:
        action, state, field = "checkout", "in the crib", f'<input name="holder" value="{known}">'
    return (
        f"<tr><td>{tool}</td><td>{state}</td><td>"
        f'<form method="post" action="{root}/{action}">{field}'
        f'<button name="tool" value="{tool}">{action}</button></form></td></tr>'
    )


def render(environ, title, body):
    return PAGE.format(title=escape(title), body=body, root=root_of(environ))


def html(environ, title, body):
    return HTTPStatus.OK, [HTML], render(environ, title, body)


def redirect(environ, path, headers=()):
    return HTTPStatus.SEE_OTHER, [("Location", root_of(environ) + path), HTML, *headers], ""


def default_path():
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.environ.get("TOOLCRIB_DATABASE") or os.path.join(here, "instance", "toolcrib.sqlite")
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    return path


def application(environ, start_response):
    return ToolCrib(default_path())(environ, start_response)


if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    with make_server("127.0.0.1", 8001, application) as server:
        server.serve_forever()
