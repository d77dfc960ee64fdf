from concurrent.futures import ThreadPoolExecutor

import pytest

from hangar.db import fetch_all, fetch_value

ORDER = {"tail_number": "N102UW", "title": "Check the oil", "category": "engine"}


def test_stats(client):
    response = client.get("/api/v1/stats")
    assert response.json == {
        "aircraft": 3322,
        "airports": 339,
        "orders": {"open": 0, "closed": 0},
    }
    assert response.headers["Cache-Control"] == "no-store"
    assert list(response.json) == ["aircraft", "airports", "orders"]


def test_aircraft(client):
    data = client.get("/api/v1/aircraft?per_page=3").json
    assert [item["tail_number"] for item in data["items"]] == ["N10156", "N102UW", "N103US"]
    assert (data["page"], data["pages"], data["total"]) == (1, 1108, 3322)
    assert data["previous"] is None
    assert data["next"] == "http://localhost/api/v1/aircraft?per_page=3&page=2"


def test_all_pages(client):
    url, tails = "/api/v1/aircraft?per_page=60&since=2008", []
    while url:
        data = client.get(url).json
        tails += [item["tail_number"] for item in data["items"]]
        url = data["next"]
    assert len(tails) == len(set(tails)) == data["total"] > 200
    assert data["previous"]


@pytest.mark.parametrize(("asked", "given"), [("5", 5), ("0", 10), ("-1", 1), ("9999", 200)])
def test_page_sizes(client, asked, given):
    data = client.get("/api/v1/aircraft", query_string={"per_page": asked}).json
    assert len(data["items"]) == given


def test_query_names_that_mean_something_elsewhere(client):
    response = client.get("/api/v1/airports?endpoint=x&_external=1&_anchor=y")
    assert response.status_code == 200


def test_one_aircraft(client):
    data = client.get("/api/v1/aircraft/n102uw").json
    assert data["model"] == "A320-214"
    assert data["speed"] is None
    assert data["updated_at"].endswith("Z")


def test_base(client, bearer):
    url = "/api/v1/aircraft/N102UW"
    assert client.patch(url, json={"base": "jfk"}, headers=bearer()).json["base"] == "JFK"
    assert client.get(url).json["base"] == "JFK"
    assert client.patch(url, json={"base": None}, headers=bearer()).json["base"] is None


@pytest.mark.parametrize(
    ("body", "code"), [({"base": "XXX"}, 404), ({"seats": 1}, 422), ({}, 422), ([], 400)]
)
def test_base_refuses(client, bearer, body, code):
    response = client.patch("/api/v1/aircraft/N102UW", json=body, headers=bearer())
    assert response.status_code == code
    assert response.json["error"]["code"] == code


def test_airports(client):
    assert client.get("/api/v1/airports").json["total"] == 339
    data = client.get("/api/v1/airports/lga").json
    assert data["name"] == "LaGuardia"
    assert len(data["nearby"]) == 5


def test_me(client, bearer):
    data = client.get("/api/v1/me", headers=bearer("maria")).json
    assert (data["username"], data["role"]) == ("maria", "lead")
    assert "password_hash" not in data


@pytest.mark.parametrize("value", ["", "Bearer wrong", "Basic bGVlOmxlZQ==", "Bearer"])
def test_me_without_a_token(client, value):
    response = client.get("/api/v1/me", headers={"Authorization": value})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.json["error"]["name"] == "Unauthorized"


def test_a_session_is_no_token(lee):
    assert lee.get("/api/v1/me").status_code == 401


def test_open_an_order(app, client, bearer):
    order = ORDER | {"due_on": "2030-05-01", "priority": "grounded", "description": "Low"}
    response = client.post("/api/v1/orders", json=order, headers=bearer())
    assert response.status_code == 201
    assert response.location == "/api/v1/orders/1"
    assert response.json["number"] == 1
    assert response.json["due_on"] == "2030-05-01"
    assert client.get(response.location).json == response.json | {"notes": []}
    with app.app_context():
        assert fetch_value("SELECT subject FROM audit_log ORDER BY id DESC") == "N102UW-1"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tail_number": "N99999"}, "tail_number"),
        ({"title": " "}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"category": []}, "category"),
        ({"priority": None}, "priority"),
        ({"description": 7}, "description"),
        ({"due_on": "tomorrow"}, "due_on"),
        ({"due_on": 7}, "due_on"),
    ],
)
def test_open_refuses(client, bearer, changes, field):
    response = client.post("/api/v1/orders", json=ORDER | changes, headers=bearer())
    assert response.status_code == 422
    assert list(response.json["error"]["fields"]) == [field]


def test_body_that_is_no_json(client, bearer):
    response = client.post(
        "/api/v1/orders", data="{", content_type="application/json", headers=bearer()
    )
    assert response.status_code == 400
    assert response.json["error"]["code"] == 400
    response = client.post("/api/v1/orders", data=ORDER, headers=bearer())
    assert response.status_code == 415
    assert response.is_json


def test_close_and_reopen_an_order(client, bearer):
    url = client.post("/api/v1/orders", json=ORDER, headers=bearer()).location
    data = client.patch(url, json={"status": "closed"}, headers=bearer("maria")).json
    assert (data["status"], data["closed_by_name"]) == ("closed", "Maria Lead")
    response = client.patch(url, json={"status": "closed"}, headers=bearer())
    assert response.status_code == 409
    data = client.patch(url, json={"status": "open"}, headers=bearer()).json
    assert (data["status"], data["closed_at"]) == ("open", None)
    assert client.patch(url, json={"status": "lost"}, headers=bearer()).status_code == 422
    assert client.get("/api/v1/orders?status=open").json["total"] == 1
    assert client.get("/api/v1/orders?status=closed").json["total"] == 0


def test_delete_an_order(client, bearer):
    url = client.post("/api/v1/orders", json=ORDER, headers=bearer()).location
    assert client.delete(url, headers=bearer("lee")).status_code == 403
    response = client.delete(url, headers=bearer("maria"))
    assert response.status_code == 204
    assert response.data == b""
    assert client.get(url).status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/v1/orders/9", "/api/v1/aircraft/N99999", "/api/v1/nothing", "/api/v2/orders"]
)
def test_not_found_is_json(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.json["error"]["name"] == "Not Found"


def test_method_not_allowed_is_json(client):
    response = client.put("/api/v1/orders")
    assert response.status_code == 405
    assert set(response.allow) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert response.json["error"]["code"] == 405


def test_too_large_is_json(app, client, bearer):
    app.config["MAX_CONTENT_LENGTH"] = 100
    order = ORDER | {"description": "x" * 200}
    response = client.post("/api/v1/orders", json=order, headers=bearer())
    assert response.status_code == 413
    assert response.json["error"]["code"] == 413


def test_many_at_once(app, bearer):
    """Eight threads read and write at the same time: no order is lost, no number is twice."""

    def work(_):
        client = app.test_client()
        codes = []
        for _ in range(5):
            codes.append(client.post("/api/v1/orders", json=ORDER, headers=bearer()).status_code)
            codes.append(client.get("/api/v1/orders").status_code)
        return codes

    with ThreadPoolExecutor(8) as pool:
        codes = [code for result in pool.map(work, range(8)) for code in result]
    assert codes == [201, 200] * 40
    with app.app_context():
        numbers = [row["number"] for row in fetch_all("SELECT number FROM work_order")]
    assert sorted(numbers) == list(range(1, 41))
