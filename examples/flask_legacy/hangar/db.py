"""The database: one connection for each request, kept in ``g``."""

import os
import secrets
import sqlite3
from datetime import UTC, date, datetime

import click
from flask import current_app, g
from flask.cli import with_appcontext

sqlite3.register_converter("timestamp", lambda raw: parse_timestamp(raw.decode()))
sqlite3.register_converter("date", lambda raw: date.fromisoformat(raw.decode()))


def parse_timestamp(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def get_db():
    """Return this request's connection, opening it at the first call."""
    if "db" not in g:
        g.db = connect(current_app.config["DATABASE"], current_app.config["DATABASE_TIMEOUT"])
    return g.db


def connect(path, timeout):
    # IMMEDIATE takes the write lock when a transaction begins, so that a writer waits for its
    # turn (up to the timeout) instead of failing when it goes from reading to writing.
    connection = sqlite3.connect(
        path,
        timeout=timeout,
        isolation_level="IMMEDIATE",
        detect_types=sqlite3.PARSE_DECLTYPES,
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def close_db(error=None):
    connection = g.pop("db", None)
    if connection is not None:
        connection.close()


def fetch_all(sql, *parameters):
    return get_db().execute(sql, parameters).fetchall()


def fetch_one(sql, *parameters):
    return get_db().execute(sql, parameters).fetchone()


def fetch_value(sql, *parameters):
    row = fetch_one(sql, *parameters)
    return row[0] if row is not None else None


def create_tables(reset=False):
    connection = get_db()
    connection.execute("PRAGMA journal_mode = WAL")
    if reset:
        drop_tables(connection)
    with current_app.open_resource("schema.sql") as file:
        connection.executescript(file.read().decode())


def drop_tables(connection):
    connection.execute("PRAGMA foreign_keys = OFF")
    for (name,) in fetch_all(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ):
        connection.execute(f'DROP TABLE "{name}"')
    connection.execute("PRAGMA foreign_keys = ON")


def secret_key_path(app):
    return os.path.join(app.instance_path, "secret_key")


def read_secret_key(app):
    try:
        with open(secret_key_path(app)) as file:
            return file.read().strip() or None
    except FileNotFoundError:
        return None


def write_secret_key(app):
    """Make up a secret key for this installation and keep it in the instance folder."""
    os.makedirs(app.instance_path, exist_ok=True)
    descriptor = os.open(secret_key_path(app), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    app.config["SECRET_KEY"] = read_secret_key(app)


@click.command("init-db")
@click.option("--reset", is_flag=True, help="Drop all the tables and their rows first.")
@with_appcontext
def init_db_command(reset):
    """Create the tables, the folders and the secret key where they are missing."""
    app = current_app._get_current_object()
    os.makedirs(os.path.dirname(os.path.abspath(app.config["DATABASE"])), exist_ok=True)
    os.makedirs(app.config["UPLOAD_FOLDER"], exist_ok=True)
    create_tables(reset)
    if not app.config["SECRET_KEY"]:
        write_secret_key(app)
    click.echo(f"The database is ready: {app.config['DATABASE']}")


def init_app(app):
    app.teardown_appcontext(close_db)
    app.cli.add_command(init_db_command)
