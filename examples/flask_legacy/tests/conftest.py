import functools
import logging
import shutil
import sqlite3

import pytest
from flask import message_flashed, template_rendered
from jinja2 import FileSystemBytecodeCache

from hangar import create_app
from hangar.auth import create_user, hash_token
from hangar.config import TestingConfig
from hangar.db import create_tables, get_db
from hangar.importer import import_aircraft, import_airports

TAIL = "N102UW"
TOKENS = {"maria": "token-of-maria", "lee": "token-of-lee"}


def fill(app):
    """The data that comes with the application, a lead mechanic and a mechanic."""
    with app.app_context():
        create_tables()
        import_airports(f"{app.config['DATA_FOLDER']}/airports.csv")
        import_aircraft(f"{app.config['DATA_FOLDER']}/aircraft.csv")
        create_user("maria", "Maria Lead", "maria-password", "lead")
        create_user("lee", "Lee Mechanic", "lee-password")
        for name, token in TOKENS.items():
            get_db().execute(
                "UPDATE user SET token_hash = ? WHERE username = ?", (hash_token(token), name)
            )
        get_db().commit()


@pytest.fixture(scope="session")
def filled_database(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "hangar.sqlite"

    class FillConfig(TestingConfig):
        DATABASE = str(path)

    fill(create_app(FillConfig))
    return path


@pytest.fixture
def settings(tmp_path, filled_database):
    """The config class of one test: its own copy of the database and its own documents."""
    shutil.copy(filled_database, tmp_path / "hangar.sqlite")
    (tmp_path / "documents").mkdir()

    class Settings(TestingConfig):
        DATABASE = str(tmp_path / "hangar.sqlite")
        UPLOAD_FOLDER = str(tmp_path / "documents")

    return Settings


@pytest.fixture(autouse=True)
def logger():
    """The application's logger, put back to what it was before the test."""
    logger = logging.getLogger("hangar")
    handlers, level, propagate = logger.handlers[:], logger.level, logger.propagate
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logger.propagate = propagate


@pytest.fixture(scope="session")
def bytecode_cache(tmp_path_factory):
    """Every test makes an application of its own; the templates are compiled once."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(settings, bytecode_cache):
    app = create_app(settings)
    app.jinja_env.bytecode_cache = bytecode_cache
    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def connections(monkeypatch):
    """The connections to the database that the application opens."""
    opened = []

    class Connection(sqlite3.Connection):
        closed = False

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            opened.append(self)

        def close(self):
            super().close()
            self.closed = True

    connect = functools.partial(sqlite3.connect, factory=Connection)
    monkeypatch.setattr("hangar.db.sqlite3.connect", connect)
    return opened


@pytest.fixture
def runner(app):
    return app.test_cli_runner()


class Actions:
    """What most tests do first."""

    def __init__(self, client):
        self.client = client

    def login(self, username="lee", **data):
        data = {"username": username, "password": f"{username}-password", **data}
        return self.client.post("/auth/login", data=data)

    def logout(self):
        return self.client.post("/auth/logout")

    def open_order(self, title="Replace the left main tyre", **data):
        data = {"title": title, "category": "landing gear", "priority": "urgent", **data}
        return self.client.post(f"/aircraft/{TAIL}/orders/new", data=data)


@pytest.fixture
def actions(client):
    return Actions(client)


@pytest.fixture
def lee(client, actions):
    """A client that a mechanic is logged in with."""
    actions.login("lee")
    return client


@pytest.fixture
def maria(client, actions):
    """A client that a lead mechanic is logged in with."""
    actions.login("maria")
    return client


@pytest.fixture
def bearer():
    """The header that a user of the API sends."""
    return lambda name="lee": {"Authorization": f"Bearer {TOKENS[name]}"}


@pytest.fixture
def rendered(app):
    """The templates that the application renders, with their variables."""
    templates = []

    def record(sender, template, context, **extra):
        templates.append((template.name, context))

    with template_rendered.connected_to(record, app):
        yield templates


@pytest.fixture
def flashed(app):
    """The messages that the application flashes, with their categories."""
    messages = []

    def record(sender, message, category, **extra):
        messages.append((category, message))

    with message_flashed.connected_to(record, app):
        yield messages
