import pytest

from hangar import signals
from hangar.db import fetch_all


def entries_of(app):
    with app.app_context():
        return [
            (row["action"], row["subject"], row["detail"])
            for row in fetch_all("SELECT * FROM audit_log ORDER BY id")
        ]


def test_what_happens_is_written_down(app, maria, actions):
    before = len(entries_of(app))
    actions.open_order("Tyre")
    maria.post("/aircraft/N102UW/orders/1/close")
    maria.post("/aircraft/N102UW/orders/1/reopen")
    assert entries_of(app)[before:] == [
        ("order-opened", "N102UW-1", "Tyre"),
        ("order-closed", "N102UW-1", ""),
        ("order-reopened", "N102UW-1", ""),
    ]


def test_who_and_from_where(app, maria, actions):
    maria.post(
        "/auth/login",
        data={"username": "lee", "password": "lee-password"},
        environ_overrides={"REMOTE_ADDR": "192.0.2.7"},
    )
    with app.app_context():
        entry = fetch_all("SELECT * FROM audit_log ORDER BY id")[-1]
        lee = fetch_all("SELECT * FROM user WHERE username = 'lee'")[0]
    assert (entry["user_id"], entry["remote_addr"]) == (lee["id"], "192.0.2.7")


def test_page(maria, actions):
    actions.open_order("Tyre")
    page = maria.get("/audit/").text
    assert "N102UW-1" in page
    assert "Maria Lead" in page
    page = maria.get("/audit/?action=user-logged-in").text
    assert "N102UW-1" not in page


def test_own_subscriber(app, lee, actions):
    seen = []

    def subscriber(sender, subject, detail):
        seen.append((sender, subject, detail))

    with signals.order_opened.connected_to(subscriber, app):
        actions.open_order("Tyre")
    actions.open_order("Another")
    assert seen == [(app, "N102UW-1", "Tyre")]


def test_subscriber_of_another_application(app, lee, actions):
    seen = []

    def subscriber(sender, subject, detail):
        seen.append(subject)

    with signals.order_opened.connected_to(subscriber, object()):
        actions.open_order("Tyre")
    assert seen == []


def test_a_subscriber_that_fails_undoes_the_order(app, lee, actions):
    def subscriber(sender, subject, detail):
        raise RuntimeError("no")

    before = entries_of(app)
    with (
        signals.order_opened.connected_to(subscriber, app),
        pytest.raises(RuntimeError, match="no"),
    ):
        actions.open_order("Tyre")
    assert entries_of(app) == before


def test_signals_outside_of_a_request(app):
    with app.app_context():
        signals.send(signals.aircraft_changed, "N102UW", "by hand")
        assert fetch_all("SELECT * FROM audit_log ORDER BY id")[-1]["remote_addr"] is None
