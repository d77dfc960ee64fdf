"""The applications, in the order of the table."""

from __future__ import annotations

from ..conformance.suite import Suite
from .application import Application

_BEPASTY_SETTINGS = """\
SECRET_KEY = "only for tests"
STORAGE_FILESYSTEM_DIRECTORY = "storage"
SESSION_COOKIE_SECURE = False
DEFAULT_PERMISSIONS = "list,create,read,delete,modify"
PERMISSIONS = {}
"""

_IHATEMONEY_SETTINGS = """\
DEBUG = False
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/budget.db"
SQLALCHEMY_TRACK_MODIFICATIONS = False
SECRET_KEY = "only for tests"
ALLOW_PUBLIC_PROJECT_CREATION = True
ACTIVATE_DEMO_PROJECT = True
MAIL_SUPPRESS_SEND = True
SESSION_COOKIE_SECURE = False
RATELIMIT_ENABLED = False
"""

APPLICATIONS = (
    Application(
        Suite("httpbin", "httpbin", "0.10.4", extras=("flasgger",), overrides=("greenlet",), quick=True),
        "HTTP request and response service: streams, redirects, digest authentication",
        "httpbin:app",
    ),
    Application(
        Suite(
            "bepasty",
            "bepasty",
            "1.2.2",
            tests=("src/bepasty/tests",),
            extras=("requests", "pytest-localserver", "selenium"),
            # They want Firefox and its driver.
            options=("--ignore=src/bepasty/tests/test_website.py", "--ignore=src/bepasty/tests/screenshots.py"),
        ),
        "pastebin: uploads in pieces, downloads with ranges, files on disk",
        "bepasty.app:create_app()",
        files={"bepasty.conf": _BEPASTY_SETTINGS, "storage/empty": ""},
        variables={"BEPASTY_CONFIG": "{folder}/bepasty.conf"},
        note="a fixture waits for the end of every other thread of the process; that of the event loop does not end",
    ),
    Application(
        Suite("ihatemoney", "ihatemoney", "7.2.1", tests=("ihatemoney/tests",), extras=("pytest-flask",)),
        "shared budgets: Flask-SQLAlchemy, WTF, Babel, Limiter, Talisman, RESTful, Mail",
        "ihatemoney.run:create_app()",
        files={"ihatemoney.cfg": _IHATEMONEY_SETTINGS},
        variables={"IHATEMONEY_SETTINGS_FILE_PATH": "{folder}/ihatemoney.cfg"},
        databases=("budget.db",),
    ),
    Application(
        Suite(
            "Monitoring Dashboard",
            "flask-monitoringdashboard",
            "5.1.0",
            extras=("factory-boy", "pytest-factoryboy", "pytz"),
        ),
        "dashboard over measurements of an application, with SQLAlchemy",
        "monitored:app",
        files={
            "monitored.py": (
                "from flask import Flask\n"
                "import flask_monitoringdashboard as dashboard\n"
                "app = Flask(__name__)\n"
                "app.secret_key = 'only for tests'\n"
                "dashboard.bind(app)\n"
            )
        },
        databases=("flask_monitoringdashboard.db",),
        note="a test compares the number of threads before and after; not looked into",
    ),
)
