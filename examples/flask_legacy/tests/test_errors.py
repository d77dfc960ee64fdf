import pytest

from hangar.db import fetch_all


@pytest.fixture
def broken(app, monkeypatch):
    """A search that fails, seen as in production."""

    def fail(*args):
        raise ZeroDivisionError("broken on purpose")

    monkeypatch.setattr("hangar.pages.fetch_value", fail)
    monkeypatch.setattr("hangar.api.fetch_value", fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False


def test_not_found(client, rendered):
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert "Not here" in response.text
    assert rendered[0][0] == "errors/404.html"


def test_not_found_says_what(client):
    assert "There is no airport XXX." in client.get("/airports/XXX").text


def test_method_not_allowed(client):
    response = client.delete("/about")
    assert response.status_code == 405
    assert "Method Not Allowed" in response.text
    assert set(response.allow) == {"GET", "HEAD", "OPTIONS"}


def test_server_error(client, broken, caplog):
    response = client.get("/search?q=x", headers={"X-Request-Id": "call-me"})
    assert response.status_code == 500
    assert "Something broke" in response.text
    assert "<code>call-me</code>" in response.text
    assert response.headers["X-Request-Id"] == "call-me"
    assert "broken on purpose" in caplog.text
    assert "The request ended with ZeroDivisionError" in caplog.text


def test_server_error_of_the_api_is_json(client, broken):
    response = client.get("/api/v1/stats")
    assert response.status_code == 500
    assert response.json["error"]["name"] == "Internal Server Error"


def test_errors_reach_the_test(client, monkeypatch):
    monkeypatch.setattr("hangar.pages.fetch_value", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        client.get("/healthz")


def test_unavailable(client, monkeypatch):
    monkeypatch.setattr("hangar.pages.fetch_value", lambda *args: None)
    assert client.get("/healthz").status_code == 503


def test_application_goes_on_after_an_error(app, client, broken):
    assert client.get("/search?q=x").status_code == 500
    assert client.get("/airports/JFK").status_code == 200
    with app.app_context():
        assert len(fetch_all("SELECT * FROM user")) == 2
