import csv
import io
import time

import pytest

from hangar import create_app, lookups


def rows_of(response):
    return list(csv.reader(io.StringIO(response.text, newline="")))


def test_index(client):
    assert "Shift briefing" in client.get("/reports/").text


def test_fleet(client):
    page = client.get("/reports/fleet").text
    assert page.index("BOEING") < page.index("AIRBUS INDUSTRIE")
    assert '<td class="number">1630</td>' in page


def test_age(client):
    assert "2000–2004" in client.get("/reports/age").text


def test_workload(lee, actions):
    assert "Nothing yet." in lee.get("/reports/workload").text
    actions.open_order(due_on="2020-01-01")
    assert "Lee Mechanic" in lee.get("/reports/workload").text


def test_briefing(lee, actions, rendered):
    actions.open_order(due_on="2020-01-01")
    page = lee.get("/reports/briefing").text
    assert "Shift briefing for JFK" in page
    assert "3,322 aircraft" in page
    name, context = rendered[-1]
    assert name == "reports/briefing.html"
    assert [dict(row) for row in context["orders"]] == [
        {"priority": "urgent", "orders": 1, "aircraft": 1, "overdue": 1}
    ]


def test_briefing_for_another_airport(client):
    page = client.get("/reports/briefing?airport=bos&currency=gbp").text
    assert "Shift briefing for BOS" in page
    assert " GBP " in page


def test_briefing_says_the_same_all_day(client, rendered):
    for _ in range(2):
        client.get("/reports/briefing")
    (_, first), (_, second) = rendered
    for name in ("weather", "rate", "parts"):
        assert first[name] == second[name]


def test_briefing_waits_for_the_services(settings):
    class Slow(settings):
        LOOKUP_DELAY = 0.02

    client = create_app(Slow).test_client()
    started = time.perf_counter()
    assert client.get("/reports/briefing").status_code == 200
    assert time.perf_counter() - started >= 0.02


def test_briefing_without_an_answer(client, caplog):
    response = client.get("/reports/briefing?currency=XXX")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "60"
    assert "There is no exchange rate for XXX." in response.text
    assert "Lookup failed" in caplog.text


def test_briefing_for_no_airport(client):
    assert client.get("/reports/briefing?airport=XXX").status_code == 404


@pytest.mark.parametrize("currency", lookups.CURRENCIES)
def test_exchange_rate(currency):
    assert 0.5 < lookups.exchange_rate(currency, 0) < 2


def test_register(lee):
    response = lee.get("/reports/register")
    assert "Content-Length" not in response.headers
    assert response.text.count("<li>") == 3322
    assert "Printed for Lee Mechanic." in response.text


def test_export_of_aircraft(client):
    response = client.get("/reports/aircraft.csv")
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"] == "attachment; filename=aircraft.csv"
    assert "Content-Length" not in response.headers
    header, *rows = rows_of(response)
    assert header[:3] == ["tail_number", "year", "type"]
    assert len(rows) == 3322
    assert rows[0][0] == "N10156"


def test_export_of_some_aircraft(client):
    _, *rows = rows_of(client.get("/reports/aircraft.csv?manufacturer=CESSNA"))
    assert rows
    assert {row[3] for row in rows} == {"CESSNA"}


def test_export_comes_in_pieces(client):
    response = client.get("/reports/aircraft.csv", buffered=False)
    pieces = iter(response.response)
    first = next(pieces)
    assert first.startswith(b"tail_number,year")
    rest = b"".join(pieces)
    assert len(first) < len(rest)
    assert (first + rest).count(b"\r\n") == 3323
    response.close()


def test_export_closes_the_database(client, connections):
    client.get("/reports/aircraft.csv")
    assert connections
    assert all(connection.closed for connection in connections)


def test_export_that_is_left_early_closes_the_database(client, connections):
    response = client.get("/reports/aircraft.csv", buffered=False)
    next(iter(response.response))
    response.close()
    assert connections
    assert all(connection.closed for connection in connections)


def test_export_of_orders(lee, actions, caplog):
    caplog.set_level("INFO")
    actions.open_order('A "quoted", long title', due_on="2030-05-01")
    actions.open_order("Another")
    lee.post("/aircraft/N102UW/orders/2/close")
    header, *rows = rows_of(lee.get("/reports/orders.csv"))
    assert [row[:3] for row in rows] == [
        ["N102UW", "1", 'A "quoted", long title'],
        ["N102UW", "2", "Another"],
    ]
    assert rows[0][header.index("due_on")] == "2030-05-01"
    assert "lee exported the work orders" in caplog.text
    assert len(rows_of(lee.get("/reports/orders.csv?status=open"))) == 2
