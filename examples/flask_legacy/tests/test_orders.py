from datetime import UTC, date, datetime, timedelta

import pytest
from flask import g

from hangar.db import fetch_all, fetch_one, fetch_value, get_db

TAIL = "N102UW"


def test_open(app, lee, actions, flashed):
    assert "New work order for N102UW" in lee.get(f"/aircraft/{TAIL}/orders/new").text
    response = actions.open_order(due_on="2030-05-01", description="Worn to the limit")
    assert response.location == f"/aircraft/{TAIL}/orders/1"
    assert flashed[-1] == ("success", "Work order 1 is open.")
    with app.app_context():
        order = fetch_one("SELECT * FROM work_order")
    assert order["due_on"] == date(2030, 5, 1)
    assert datetime.now(UTC) - order["opened_at"] < timedelta(minutes=1)


def test_numbers_count_for_each_aircraft(lee, actions):
    actions.open_order()
    assert actions.open_order().location.endswith("/orders/2")
    data = {"title": "Other", "category": "cabin", "priority": "routine"}
    assert lee.post("/aircraft/N103US/orders/new", data=data).location.endswith("/orders/1")


@pytest.mark.parametrize(
    "changes", [{"title": ""}, {"title": "x" * 121}, {"category": "tea"}, {"due_on": "soon"}]
)
def test_open_refuses(app, lee, actions, changes):
    data = {"title": "Replace the tyre"} | changes
    response = actions.open_order(**data)
    assert response.status_code == 200
    assert 'class="error"' in response.text
    with app.app_context():
        assert fetch_value("SELECT count(*) FROM work_order") == 0


def test_open_for_no_aircraft(lee):
    assert lee.get("/aircraft/N99999/orders/new").status_code == 404


def test_show(client, actions):
    actions.login("lee")
    actions.open_order(due_on="2020-01-01")
    actions.logout()
    page = client.get(f"/aircraft/{TAIL}/orders/1").text
    assert "N102UW-1: Replace the left main tyre" in page
    assert "by Lee Mechanic" in page
    assert "overdue" in page
    assert "<button>Close</button>" not in page


def test_show_what_is_not_there(client):
    response = client.get(f"/aircraft/{TAIL}/orders/1")
    assert response.status_code == 404
    assert "N102UW has no work order 1." in response.text


def test_index(lee, actions):
    actions.open_order("First thing")
    actions.open_order("Second thing")
    page = lee.get(f"/aircraft/{TAIL}/orders/").text
    assert page.index("Second thing") < page.index("First thing")
    assert "First thing" in lee.get(f"/aircraft/{TAIL}").text


def test_notes(lee, actions):
    actions.open_order()
    url = f"/aircraft/{TAIL}/orders/1/notes"
    response = lee.post(url, data={"body": "The part <is> on its way."})
    assert response.location == f"/aircraft/{TAIL}/orders/1#notes"
    assert "The part &lt;is&gt; on its way." in lee.get(f"/aircraft/{TAIL}/orders/1").text


def test_empty_note(lee, actions):
    actions.open_order()
    response = lee.post(
        f"/aircraft/{TAIL}/orders/1/notes", data={"body": " "}, follow_redirects=True
    )
    assert "The note is empty or too long." in response.text


def test_close(app, lee, actions, caplog):
    actions.open_order()
    caplog.set_level("INFO")
    with lee:
        response = lee.post(f"/aircraft/{TAIL}/orders/1/close")
        assert response.location == f"/aircraft/{TAIL}/orders/1"
        assert g.aircraft["tail_number"] == TAIL
    assert "lee closed N102UW-1" in caplog.text
    with app.app_context():
        order = fetch_one("SELECT * FROM work_order")
    assert order["status"] == "closed"
    assert order["closed_by"] == order["opened_by"]
    assert "Reopen" not in lee.get(f"/aircraft/{TAIL}/orders/1").text


def test_close_twice(lee, actions, flashed):
    actions.open_order()
    for _ in range(2):
        lee.post(f"/aircraft/{TAIL}/orders/1/close")
    assert flashed[-1] == ("warning", "Work order 1 was closed already.")


def test_reopen(app, maria, actions):
    actions.open_order()
    maria.post(f"/aircraft/{TAIL}/orders/1/close")
    assert "Reopen" in maria.get(f"/aircraft/{TAIL}/orders/1").text
    response = maria.post(f"/aircraft/{TAIL}/orders/1/reopen", follow_redirects=True)
    assert "Work order 1 is open again." in response.text
    with app.app_context():
        assert fetch_one("SELECT * FROM work_order")["closed_at"] is None


def test_only_a_lead_reopens(lee, actions):
    actions.open_order()
    lee.post(f"/aircraft/{TAIL}/orders/1/close")
    assert lee.post(f"/aircraft/{TAIL}/orders/1/reopen").status_code == 403


def test_board(lee, actions):
    actions.open_order("A routine one", priority="routine")
    actions.open_order("A grounded one", priority="grounded")
    actions.open_order("A cabin one", category="cabin")
    lee.post(f"/aircraft/{TAIL}/orders/3/close")
    page = lee.get("/board/").text
    assert page.index("A grounded one") < page.index("A routine one")
    assert "A cabin one" not in page
    assert "Board (2)" in page
    assert "A cabin one" in lee.get("/board/closed").text
    assert "None." in lee.get("/board/open?category=cabin").text
    assert lee.get("/board/lost").status_code == 404


def test_board_has_pages(lee, actions):
    for number in range(12):
        actions.open_order(f"Thing {number}")
    page = lee.get("/board/?page=2").text
    assert "Page 2 of 2" in page
    assert "Thing 11" in page
    assert "Thing 9" not in page


def test_overdue_command(app, lee, actions, runner):
    actions.open_order("Long ago", due_on="2020-01-01")
    actions.open_order("Some day", due_on="2090-01-01")
    result = runner.invoke(args=["orders", "overdue"])
    assert result.output == "N102UW-1\t2020-01-01\turgent\tLong ago\n"


def test_nothing_is_saved_when_the_view_fails(app, lee, actions, monkeypatch):
    monkeypatch.setattr(
        "hangar.orders.flash", lambda *args: pytest.fail("the order was saved before")
    )
    monkeypatch.setattr("hangar.orders.get_db", FailingCommit)
    with pytest.raises(RuntimeError, match="disk full"):
        actions.open_order()
    with app.app_context():
        assert fetch_all("SELECT * FROM work_order") == []
        assert fetch_all("SELECT * FROM audit_log WHERE action = 'order-opened'") == []


class FailingCommit:
    def execute(self, *args):
        return get_db().execute(*args)

    def commit(self):
        raise RuntimeError("disk full")
