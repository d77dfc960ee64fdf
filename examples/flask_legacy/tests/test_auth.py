import re

import pytest
from flask import g, session

from hangar.db import fetch_one, fetch_value


def test_register(app, client, flashed):
    assert client.get("/auth/register").status_code == 200
    data = {
        "username": "kim",
        "display_name": " Kim ",
        "password": "a-good-one",
        "confirm": "a-good-one",
    }
    response = client.post("/auth/register", data=data)
    assert response.status_code == 302
    assert response.location == "/auth/login"
    assert flashed == [("success", "Welcome. You can log in now.")]
    with app.app_context():
        user = fetch_one("SELECT * FROM user WHERE username = 'kim'")
    assert user["display_name"] == "Kim"
    assert user["role"] == "mechanic"
    assert "a-good-one" not in user["password_hash"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"username": ""}, "This field is required."),
        ({"username": "a b"}, "Use letters, digits"),
        ({"username": "LEE"}, "That user name is taken."),
        ({"password": "short", "confirm": "short"}, "at least 8 characters"),
        ({"confirm": "another"}, "The passwords are not the same."),
    ],
)
def test_register_refuses(client, changes, message):
    data = {"username": "kim", "display_name": "Kim", "password": "a-good-one"}
    data |= {"confirm": "a-good-one"} | changes
    response = client.post("/auth/register", data=data)
    assert response.status_code == 200
    assert message in response.text


def test_login(client, actions):
    assert client.get("/auth/login").status_code == 200
    response = actions.login("lee")
    assert response.location == "/"
    with client:
        assert "Lee Mechanic" in client.get("/").text
        assert session["user_id"] == g.user["id"]
        assert g.user["username"] == "lee"
        assert not session.permanent


def test_login_that_stays(client, actions):
    actions.login("lee", remember="y")
    with client.session_transaction() as stored:
        assert stored.permanent
    assert client.get_cookie("hangar").expires is not None


@pytest.mark.parametrize(
    ("username", "password"), [("lee", "wrong"), ("nobody", "lee-password"), ("lee", "")]
)
def test_login_refuses(client, actions, username, password):
    response = actions.login(username, password=password)
    assert response.status_code == 200
    with client.session_transaction() as stored:
        assert "user_id" not in stored


def test_failed_login_is_logged(actions, caplog):
    actions.login("lee", password="wrong")
    assert "Failed login of 'lee'" in caplog.text


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/board/?page=2", "/board/?page=2"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("/\\elsewhere.example/", "/"),
    ],
)
def test_login_goes_on_to_local_pages_only(client, target, location):
    data = {"username": "lee", "password": "lee-password"}
    response = client.post("/auth/login", query_string={"next": target}, data=data)
    assert response.location == location


def test_login_clears_the_session(client, actions):
    with client.session_transaction() as stored:
        stored["left_over"] = 1
    actions.login("lee")
    with client.session_transaction() as stored:
        assert "left_over" not in stored


def test_logout(lee):
    response = lee.post("/auth/logout", follow_redirects=True)
    assert response.request.path == "/"
    assert "You are logged out." in response.text
    with lee.session_transaction() as stored:
        assert "user_id" not in stored


def test_session_of_a_user_that_is_gone(client):
    with client.session_transaction() as stored:
        stored["user_id"] = 12345
    with client:
        assert client.get("/").status_code == 200
        assert g.user is None


def test_forged_session_counts_for_nothing(client):
    client.set_cookie("hangar", "eyJ1c2VyX2lkIjoxfQ.ZgAAAA.forged")
    with client:
        client.get("/")
        assert g.user is None


def test_profile(lee):
    assert "Last login" in lee.get("/auth/profile").text
    data = {"display_name": "Lee the Second", "new_password": "another-password"}
    response = lee.post("/auth/profile", data=data, follow_redirects=True)
    assert "Saved." in response.text
    assert "Lee the Second" in response.text
    lee.post("/auth/logout")
    data = {"username": "lee", "password": "another-password"}
    assert lee.post("/auth/login", data=data).status_code == 302


def test_profile_refuses_a_short_password(app, lee):
    data = {"display_name": "Lee", "new_password": "short"}
    assert "at least 8 characters" in lee.post("/auth/profile", data=data).text
    with app.app_context():
        name = fetch_value("SELECT display_name FROM user WHERE username = 'lee'")
    assert name == "Lee Mechanic"


def test_token(lee):
    response = lee.post("/auth/token", follow_redirects=True)
    token = re.search(r"Your new API token: ([\w-]+)", response.text)[1]
    assert token not in lee.get("/auth/profile").text
    headers = {"Authorization": f"Bearer {token}"}
    assert lee.get("/api/v1/me", headers=headers).json["username"] == "lee"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/auth/profile"),
        ("POST", "/auth/token"),
        ("GET", "/aircraft/new"),
        ("GET", "/aircraft/N102UW/edit"),
        ("POST", "/aircraft/N102UW/watch"),
        ("GET", "/aircraft/N102UW/orders/new"),
        ("GET", "/aircraft/N102UW/documents/"),
        ("GET", "/reports/orders.csv"),
        ("GET", "/audit/"),
    ],
)
def test_login_required(client, method, path):
    response = client.open(path, method=method)
    assert response.status_code == 302
    with client.session_transaction() as stored:
        assert stored["_flashes"] == [("warning", "Log in first, please.")]
    assert response.location.startswith("/auth/login?next=/")


@pytest.mark.parametrize("path", ["/aircraft/new", "/aircraft/N102UW/edit", "/audit/"])
def test_lead_required(lee, path):
    response = lee.get(path)
    assert response.status_code == 403
    assert "Only a lead mechanic may do this." in response.text


def test_next_below_a_prefix(client):
    response = client.get("/auth/profile", base_url="http://localhost/desk/")
    assert response.location == "/desk/auth/login?next=/desk/auth/profile"
