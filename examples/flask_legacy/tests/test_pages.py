import pytest
from flask import g, render_template_string


def test_index(client, rendered):
    response = client.get("/")
    assert "3,322 aircraft" in response.text
    assert "339 airports" in response.text
    assert rendered[0][0] == "pages/index.html"
    assert rendered[0][1]["counts"]["open_orders"] == 0


def test_index_shows_what_is_watched(lee):
    lee.post("/aircraft/N102UW/watch")
    assert "AIRBUS INDUSTRIE A320-214, 0 open work orders" in lee.get("/").text


def test_about(client):
    assert "/api/v1/stats" in client.get("/about").text


def test_health(client):
    response = client.get("/healthz")
    assert response.data == b"ok hangar\n"
    assert response.mimetype == "text/plain"
    assert response.headers["Cache-Control"] == "no-store"


def test_static_file(client):
    with client.get("/static/style.css") as response:
        assert response.mimetype == "text/css"
        etag = response.headers["ETag"]
    with client.get("/static/style.css", headers={"If-None-Match": etag}) as response:
        assert response.status_code == 304


def test_search(lee, actions):
    actions.open_order("Repair the JFK placard")
    page = lee.get("/search?q=JFK").text
    assert "John F Kennedy Intl" in page
    assert "Repair the JFK placard" in page


def test_search_for_a_tail_number(client):
    response = client.get("/search?q=n102uw")
    assert response.location == "/aircraft/N102UW"


def test_search_for_nothing_and_for_what_is_not_there(client):
    assert "Type a part of" in client.get("/search").text
    assert "None." in client.get("/search?q=zeppelin").text


def test_search_escapes(client):
    page = client.get("/search", query_string={"q": "<script>"}).text
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_units(client):
    response = client.post("/units/metric")
    assert response.status_code == 303
    assert client.get_cookie("units").value == "metric"
    assert "km" in client.get("/airports/JFK").text
    client.post("/units/imperial")
    assert " nm" in client.get("/airports/JFK").text


def test_units_that_do_not_exist(client):
    assert client.post("/units/royal").status_code == 404
    assert client.get("/units/metric").status_code == 405


def test_request_id(client):
    response = client.get("/about", headers={"X-Request-Id": "abc-123"})
    assert response.headers["X-Request-Id"] == "abc-123"
    response = client.get("/about", headers={"X-Request-Id": "not a good one!"})
    assert len(response.headers["X-Request-Id"]) == 32
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Server-Timing"].startswith("app;dur=")


def test_head_and_options(client):
    response = client.head("/about")
    assert response.status_code == 200
    assert response.data == b""
    response = client.options("/auth/login")
    assert set(response.allow) == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize(
    ("template", "cookie", "text"),
    [
        ("{{ 432 | speed }}", "", "432 mph"),
        ("{{ 432 | speed }}", "units=metric", "695 km/h"),
        ("{{ none | speed }}", "", "unknown"),
        ("{{ 10 | distance }}", "units=metric", "19 km"),
        ("{{ 10 | distance }}", "units=nonsense", "10 nm"),
        ("{{ none | time }}", "", "never"),
        ("{{ 1 | plural('seat') }} {{ 1200 | plural('seat') }}", "", "1 seat 1,200 seats"),
        ("{{ units }} {{ is_lead }} {{ open_order_count() }}", "", "imperial False 0"),
        ("{{ page_url(3) }}", "", "?q=x&amp;page=3"),
    ],
)
def test_template_tools(app, template, cookie, text):
    with app.test_request_context("/search?q=x&page=2", headers={"Cookie": cookie}):
        app.preprocess_request()
        assert g.user is None
        assert render_template_string(template) == text
