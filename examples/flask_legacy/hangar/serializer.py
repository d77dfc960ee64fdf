"""How the JSON API writes what JSON has no type for."""

import sqlite3
from datetime import date, datetime

from flask.json.provider import DefaultJSONProvider


class HangarJSONProvider(DefaultJSONProvider):
    """Writes rows as objects, and dates and times as ISO 8601."""

    sort_keys = False

    @staticmethod
    def default(value):
        if isinstance(value, sqlite3.Row):
            return dict(value)
        if isinstance(value, datetime):
            return value.isoformat(timespec="seconds").replace("+00:00", "Z")
        if isinstance(value, date):
            return value.isoformat()
        return DefaultJSONProvider.default(value)
