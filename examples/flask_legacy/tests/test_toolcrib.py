from wsgiref.validate import validator

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, run_wsgi_app
from werkzeug.wrappers import Response

from old_tool import toolcrib


@pytest.fixture
def crib(tmp_path):
    return toolcrib.ToolCrib(tmp_path / "toolcrib.sqlite")


@pytest.fixture
def client(crib):
    return Client(crib, Response)


def test_list(client):
    response = client.get("/")
    assert response.status_code == 200
    assert "Borescope" in response.text
    assert response.text.count('action="/checkout"') == len(toolcrib.TOOLS)


def test_check_out_and_return(client):
    response = client.post("/checkout", data={"tool": "Borescope", "holder": "Zoë <Z>"})
    assert response.status_code == 303
    assert response.location == "/"
    page = client.get("/").text
    assert "<td>Borescope</td><td>Zoë &lt;Z&gt;</td>" in page
    assert 'name="holder" value="Zoë &lt;Z&gt;"' in page
    assert client.post("/checkout", data={"tool": "Borescope", "holder": "Al"}).status_code == 409
    assert client.post("/return", data={"tool": "Borescope"}).status_code == 303
    assert client.post("/return", data={"tool": "Borescope"}).status_code == 409
    assert "Zoë" not in client.get("/").text.replace('value="Zoë', "")


def test_history(client):
    client.post("/checkout", data={"tool": "Rivet gun", "holder": "Lee"})
    client.post("/return", data={"tool": "Rivet gun"})
    response = client.get("/history")
    assert response.mimetype == "text/plain"
    lines = [line.split("\t")[1:] for line in response.text.splitlines()]
    assert lines == [
        ["Tool", "Who", "What"],
        ["Rivet gun", "Lee", "out"],
        ["Rivet gun", "", "back"],
    ]


@pytest.mark.parametrize(
    ("method", "path", "data", "code"),
    [
        ("GET", "/nowhere", None, 404),
        ("GET", "/checkout", None, 405),
        ("POST", "/checkout", {"tool": "Borescope", "holder": " "}, 400),
        ("POST", "/checkout", {"tool": "Hammer", "holder": "Lee"}, 409),
        ("POST", "/checkout", {"tool": "x" * 5000, "holder": "Lee"}, 413),
    ],
)
def test_problems(client, method, path, data, code):
    response = client.open(path, method=method, data=data)
    assert response.status_code == code
    assert response.mimetype == "text/html"


def test_allow(client):
    assert client.get("/return").headers["Allow"] == "POST"


def test_head(client):
    response = client.head("/")
    assert response.status_code == 200
    assert response.data == b""
    assert response.content_length > 100
    assert client.head("/history").data == b""


def test_below_a_prefix(crib):
    def nothing(environ, start_response):
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b""]

    client = Client(DispatcherMiddleware(nothing, {"/tools": crib}), Response)
    page = client.get("/tools/").text
    assert 'action="/tools/checkout"' in page
    assert '<a href="/tools/history">' in page
    assert client.get("/tools").status_code == 200
    response = client.post("/tools/checkout", data={"tool": "Borescope", "holder": "Lee"})
    assert response.location == "/tools/"
    assert "; Path=/tools/;" in response.headers["Set-Cookie"]
    assert client.get_cookie("toolcrib_name", path="/tools/").value == "Lee"


@pytest.mark.parametrize("path", ["/", "/history", "/nowhere"])
def test_follows_the_specification(crib, path):
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    with open("/dev/null", "rb") as empty, open("/dev/null", "w") as errors:
        environ |= {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": empty,
            "wsgi.errors": errors,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        _, status, _ = run_wsgi_app(validator(crib), environ, buffered=True)
    assert status.startswith(("200", "404"))


def test_application(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLCRIB_DATABASE", str(tmp_path / "shared" / "toolcrib.sqlite"))
    client = Client(toolcrib.application, Response)
    client.post("/checkout", data={"tool": "Borescope", "holder": "Lee"})
    assert "<td>Borescope</td><td>Lee</td>" in client.get("/").text
