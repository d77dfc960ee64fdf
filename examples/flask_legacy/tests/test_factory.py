import logging
import sqlite3
from datetime import UTC, date, datetime

import pytest
from flask import g, json, url_for
from flask.logging import wsgi_errors_stream

from hangar import create_app
from hangar.config import ProductionConfig
from hangar.db import get_db
from hangar.log import RequestFormatter


def test_config(settings):
    assert create_app(settings).testing
    assert not create_app({"SECRET_KEY": "x"}).testing


def test_config_class_from_environment(monkeypatch):
    monkeypatch.setenv("HANGAR_CONFIG", "hangar.config.ProductionConfig")
    app = create_app({"SECRET_KEY": "x"})
    assert app.config["SESSION_COOKIE_SECURE"] is ProductionConfig.SESSION_COOKIE_SECURE is True


def test_settings_from_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HANGAR_DATABASE", str(tmp_path / "other.sqlite"))
    monkeypatch.setenv("HANGAR_SECRET_KEY", "from-the-environment")
    monkeypatch.setenv("HANGAR_PAGE_SIZE", "50")
    app = create_app()
    assert app.config["DATABASE"] == str(tmp_path / "other.sqlite")
    assert app.secret_key == "from-the-environment"
    assert app.config["PAGE_SIZE"] == 50


def test_a_given_config_ignores_the_environment(monkeypatch, settings):
    monkeypatch.setenv("HANGAR_SECRET_KEY", "from-the-environment")
    assert create_app(settings).secret_key == settings.SECRET_KEY


def test_two_applications_do_not_share_a_database(settings, tmp_path):
    class Empty(settings):
        DATABASE = str(tmp_path / "empty.sqlite")

    first, second = create_app(settings), create_app(Empty)
    assert second.test_cli_runner().invoke(args=["init-db"]).exit_code == 0
    assert first.test_client().get("/api/v1/stats").json["aircraft"] == 3322
    assert second.test_client().get("/api/v1/stats").json["aircraft"] == 0


def test_proxy(settings):
    class BehindProxy(settings):
        PROXY_COUNT = 1

    app = create_app(BehindProxy)
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "hangar.example"}
    response = app.test_client().get("/api/v1/airports?per_page=1", headers=headers)
    assert response.json["next"].startswith("https://hangar.example/api/v1/airports?")


def test_get_and_close_db(app):
    with app.app_context():
        db = get_db()
        assert db is get_db()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")


def test_db_is_closed_after_a_request(client, connections):
    client.get("/")
    assert [connection.closed for connection in connections] == [True]


def test_db_is_closed_after_an_error(client, connections):
    assert client.get("/airports/XXX").status_code == 404
    assert [connection.closed for connection in connections] == [True]


def test_foreign_keys_are_checked(app):
    with app.app_context(), pytest.raises(sqlite3.IntegrityError):
        get_db().execute("INSERT INTO watch VALUES (99, 'N102UW')")


def test_database_is_in_wal_mode(app):
    with app.app_context():
        assert get_db().execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_urls(app):
    with app.test_request_context():
        assert url_for("aircraft.show", tail="n102uw") == "/aircraft/N102UW"
        assert url_for("aircraft.orders.show", tail="N1", number=3) == "/aircraft/N1/orders/3"
        assert url_for("api.orders.item", order_id=3) == "/api/v1/orders/3"


def test_urls_stay_with_the_aircraft(app):
    with app.test_request_context("/aircraft/N102UW"):
        app.preprocess_request()
        assert g.aircraft["model"] == "A320-214"
        assert url_for(".edit") == "/aircraft/N102UW/edit"
        assert url_for("aircraft.documents.index") == "/aircraft/N102UW/documents/"
        assert url_for("airports.index") == "/airports/"


def test_json_provider(app):
    with app.app_context():
        row = get_db().execute("SELECT code, city FROM airport WHERE code = 'JFK'").fetchone()
        moment = datetime(2024, 3, 31, 12, 30, tzinfo=UTC)
        text = json.dumps({"row": row, "moment": moment, "day": date(2024, 3, 31)})
    assert text == (
        '{"row": {"code": "JFK", "city": "New York"},'
        ' "moment": "2024-03-31T12:30:00Z", "day": "2024-03-31"}'
    )


def test_json_provider_refuses_what_it_does_not_know(app):
    with app.app_context(), pytest.raises(TypeError):
        json.dumps(object())


def test_log_names_the_request(app):
    formatter = RequestFormatter("[%(request)s] %(message)s")
    record = logging.LogRecord("hangar", logging.INFO, "file", 1, "Hello", (), None)
    assert formatter.format(record) == "[-] Hello"
    with app.test_request_context("/about", headers={"X-Request-Id": "abc"}):
        app.preprocess_request()
        assert formatter.format(record) == "[abc GET /about] Hello"


def test_logging_is_set_up_outside_of_tests(settings):
    class Running(settings):
        TESTING = False

    create_app(Running)
    logger = logging.getLogger("hangar")
    assert logger.level == logging.INFO
    assert [handler.stream for handler in logger.handlers] == [wsgi_errors_stream]
