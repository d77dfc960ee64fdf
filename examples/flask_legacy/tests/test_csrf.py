import re

import pytest

from hangar import create_app


@pytest.fixture
def app(settings):
    class Protected(settings):
        WTF_CSRF_ENABLED = True

    return create_app(Protected)


def token_of(response):
    return re.search(r'name="csrf_token"[^>]* value="([^"]+)"', response.text)[1]


def login(client):
    data = {"username": "lee", "password": "lee-password"}
    data["csrf_token"] = token_of(client.get("/auth/login"))
    return client.post("/auth/login", data=data)


def test_form_without_a_token(client, actions):
    response = actions.login("lee")
    assert response.status_code == 400
    assert "The form has expired" in response.text
    assert "The CSRF token is missing." in response.text


def test_form_with_a_token(client):
    assert login(client).status_code == 302
    with client.session_transaction() as stored:
        assert stored["user_id"]


def test_token_of_another_session(app, client):
    token = token_of(app.test_client().get("/auth/login"))
    client.get("/auth/login")
    data = {"username": "lee", "password": "lee-password", "csrf_token": token}
    assert client.post("/auth/login", data=data).status_code == 400


def test_button_needs_a_token_too(client):
    login(client)
    assert client.post("/aircraft/N102UW/watch").status_code == 400
    token = token_of(client.get("/aircraft/N102UW"))
    response = client.post("/aircraft/N102UW/watch", data={"csrf_token": token})
    assert response.status_code == 302


def test_token_in_a_header(client):
    login(client)
    token = token_of(client.get("/"))
    response = client.post("/auth/logout", headers={"X-CSRFToken": token})
    assert response.status_code == 302


def test_api_needs_no_csrf_token(client, bearer):
    order = {"tail_number": "N102UW", "title": "Check the oil", "category": "engine"}
    assert client.post("/api/v1/orders", json=order, headers=bearer()).status_code == 201
    assert client.post("/api/v1/orders", json=order).status_code == 401
