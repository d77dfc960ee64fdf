"""The aircraft and the airports."""

import pytest

from hangar.db import fetch_one, fetch_value

FORM = {
    "manufacturer": "CESSNA",
    "model": "172N",
    "type": "Fixed wing single engine",
    "year": "1979",
    "engines": "1",
    "engine": "Reciprocating",
    "seats": "4",
    "speed": "",
    "base": "teb",
}


def test_index(client):
    page = client.get("/aircraft/").text
    assert "3,322 aircraft" in page
    assert page.count("/aircraft/N") == 10
    assert "Page 1 of 333" in page
    assert 'rel="prev"' not in page


def test_pages(client):
    page = client.get("/aircraft/?manufacturer=BOEING&page=2").text
    assert "1,630 aircraft" in page
    assert 'href="?manufacturer=BOEING&amp;page=3"' in page
    assert 'href="?manufacturer=BOEING&amp;page=1"' in page


@pytest.mark.parametrize("number", ["0", "-1", "nonsense", ""])
def test_wrong_page_numbers_are_the_first_page(client, number):
    assert "Page 1 of 333" in client.get("/aircraft/", query_string={"page": number}).text


def test_page_after_the_last(client):
    response = client.get("/aircraft/?page=9999")
    assert response.status_code == 200
    assert "None." in response.text


def test_filters(client):
    assert ">1 aircraft<" in client.get("/aircraft/?engine=Turbo-prop&since=1970").text
    assert "0 aircraft" in client.get("/aircraft/?base=JFK").text
    assert "3,322 aircraft" in client.get("/aircraft/?since=nonsense").text


def test_show(client):
    page = client.get("/aircraft/N102UW").text
    assert "AIRBUS INDUSTRIE A320-214" in page
    assert "Fixed wing multi engine, 2 engines (Turbo-fan)" in page


def test_show_ignores_case(client):
    assert client.get("/aircraft/n102uw").status_code == 200


@pytest.mark.parametrize("tail", ["N99999", "D-ABCD", "N0", "N1234567"])
def test_show_what_is_not_there(client, tail):
    assert client.get(f"/aircraft/{tail}").status_code == 404


def test_recent_visits(client):
    for tail in ("N102UW", "N103US", "N102UW"):
        client.get(f"/aircraft/{tail}")
    with client.session_transaction() as stored:
        assert stored["recent"] == ["N102UW", "N103US"]
    assert "Looked at lately" in client.get("/").text


def test_slash_is_added(client):
    response = client.get("/aircraft?since=2010")
    assert response.status_code == 308
    assert response.location.endswith("/aircraft/?since=2010")


def test_create(app, maria):
    assert "Tail number" in maria.get("/aircraft/new").text
    response = maria.post("/aircraft/new", data={**FORM, "tail_number": "n4711c"})
    assert response.location == "/aircraft/N4711C"
    with app.app_context():
        row = fetch_one("SELECT * FROM aircraft WHERE tail_number = 'N4711C'")
    assert (row["year"], row["seats"], row["speed"], row["base"]) == (1979, 4, None, "TEB")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tail_number": "N102UW"}, "in the register already"),
        ({"tail_number": "G-ABCD"}, "not a tail number"),
        ({"base": "XXX"}, "There is no such airport."),
        ({"year": "1850"}, "Number must be between 1903 and 2100."),
        ({"type": "Airship"}, "Not a valid choice."),
    ],
)
def test_create_refuses(app, maria, changes, message):
    response = maria.post("/aircraft/new", data={**FORM, "tail_number": "N4711C", **changes})
    assert response.status_code == 200
    assert message in response.text
    with app.app_context():
        assert fetch_value("SELECT count(*) FROM aircraft") == 3322


def test_edit(app, maria):
    page = maria.get("/aircraft/N102UW/edit").text
    assert 'value="A320-214"' in page
    response = maria.post("/aircraft/N102UW/edit", data=FORM, follow_redirects=True)
    assert response.request.path == "/aircraft/N102UW"
    assert "Saved." in response.text
    assert "CESSNA 172N" in response.text
    with app.app_context():
        assert fetch_value("SELECT detail FROM audit_log ORDER BY id DESC") == (
            "manufacturer, model, type, year, engines, engine, seats, base"
        )


def test_edit_that_changes_nothing(app, maria):
    maria.post("/aircraft/N102UW/edit", data=FORM)
    with app.app_context():
        before = fetch_value("SELECT count(*) FROM audit_log")
    maria.post("/aircraft/N102UW/edit", data=FORM)
    with app.app_context():
        assert fetch_value("SELECT count(*) FROM audit_log") == before


def test_edit_refuses(maria):
    page = maria.post("/aircraft/N102UW/edit", data={**FORM, "seats": "none"}).text
    assert "Not a valid integer value." in page
    assert "A320-214" in maria.get("/aircraft/N102UW").text


def test_edit_takes_get_and_post_only(maria):
    response = maria.put("/aircraft/N102UW/edit")
    assert response.status_code == 405
    assert set(response.allow) == {"GET", "HEAD", "OPTIONS", "POST"}


def test_watch(lee):
    response = lee.post("/aircraft/N102UW/watch", follow_redirects=True)
    assert "Stop watching" in response.text
    response = lee.post("/aircraft/N102UW/watch", follow_redirects=True)
    assert "Stop watching" not in response.text
    assert lee.get("/aircraft/N102UW/watch").status_code == 405


def test_airports(client):
    page = client.get("/airports/").text
    assert page.count('<td><a href="/airports/') == 339
    page = client.get("/airports/?state=nj").text
    assert page.count('<td><a href="/airports/') == 35
    assert "Airports in NJ" in page


def test_airport(client, maria):
    maria.post("/aircraft/N102UW/edit", data=FORM)
    page = client.get("/airports/teb").text
    assert "TEB: Teterboro" in page
    assert "N102UW" in page


def test_nearest_airports(client, rendered):
    client.get("/airports/JFK")
    nearby = rendered[0][1]["nearby"]
    assert len(nearby) == 5
    assert "LGA" in [other["code"] for other in nearby]
    assert nearby[0]["distance"] < nearby[4]["distance"] < 20


@pytest.mark.parametrize("code", ["XXX", "AB", "ABCDE"])
def test_airport_that_is_not_there(client, code):
    assert client.get(f"/airports/{code}").status_code == 404
