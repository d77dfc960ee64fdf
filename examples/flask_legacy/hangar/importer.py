"""``flask import-data``: fills the register from the files that come with the application."""

import csv
import os

import click
from flask import current_app
from flask.cli import with_appcontext

from .db import get_db

FILE = click.Path(exists=True, dir_okay=False)


def read_csv(path):
    """The rows of a CSV file; an empty field is None."""
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield {name: value or None for name, value in row.items()}


def import_airports(path):
    cursor = get_db().executemany(
        "INSERT INTO airport (code, name, city, state, latitude, longitude)"
        " VALUES (:code, :name, :city, :state, :latitude, :longitude)"
        " ON CONFLICT (code) DO UPDATE SET name = excluded.name, city = excluded.city,"
        " state = excluded.state, latitude = excluded.latitude, longitude = excluded.longitude",
        read_csv(path),
    )
    return cursor.rowcount


def import_aircraft(path):
    """Add and update the aircraft of the file; where each one is based stays as it is."""
    cursor = get_db().executemany(
        "INSERT INTO aircraft"
        " (tail_number, year, type, manufacturer, model, engines, seats, speed, engine)"
        " VALUES (:tail_number, :year, :type, :manufacturer, :model, :engines, :seats, :speed,"
        " :engine)"
        " ON CONFLICT (tail_number) DO UPDATE SET year = excluded.year, type = excluded.type,"
        " manufacturer = excluded.manufacturer, model = excluded.model,"
        " engines = excluded.engines, seats = excluded.seats, speed = excluded.speed,"
        " engine = excluded.engine",
        read_csv(path),
    )
    return cursor.rowcount


@click.command("import-data")
@click.option("--airports", type=FILE, help="The airports; those that come along by default.")
@click.option("--aircraft", type=FILE, help="The aircraft; those that come along by default.")
@with_appcontext
def import_data_command(airports, aircraft):
    """Import airports and aircraft from CSV files: new rows are added, known ones updated."""
    folder = current_app.config["DATA_FOLDER"]
    count = import_airports(airports or os.path.join(folder, "airports.csv"))
    click.echo(f"Imported {count} airports.")
    count = import_aircraft(aircraft or os.path.join(folder, "aircraft.csv"))
    click.echo(f"Imported {count} aircraft.")
    get_db().commit()


def init_app(app):
    app.cli.add_command(import_data_command)
