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

_WIKI = """\
import os, tempfile
from otterwiki.gitstorage import GitStorage

repository = tempfile.mkdtemp(dir="{folder}")
GitStorage(path=repository, initialize=True)
os.environ["REPOSITORY"] = repository
from otterwiki.server import app
import otterwiki.views
"""

#: Those of the wiki's tests that are about its pages.
_WIKI_TESTS = tuple(
    f"tests/test_{part}.py"
    for part in ("attachments", "auth", "csrf", "feed", "history", "home_page", "preferences", "preview", "sitemap")
)

#: Those of moto's services whose tests are about its server.
_MOTO_TESTS = tuple(
    f"tests/test_{service}/test_server.py"
    for service in (
        "apigateway",
        "dynamodb",
        "ec2",
        "iam",
        "kms",
        "route53",
        "s3",
        "secretsmanager",
        "ses",
        "sns",
        "sqs",
        "sts",
    )
)

APPLICATIONS = (
    Application(
        Suite("httpbin", "httpbin", "0.10.4", extras=("flasgger",), overrides=("greenlet",), quick=True),
        "HTTP request and response service: streams, redirects, digest authentication",
        "httpbin:app",
        asyncify=True,
    ),
    Application(
        Suite(
            "bepasty",
            "bepasty",
            "1.2.2",
            tests=("src/bepasty/tests",),
            extras=("requests", "pytest-localserver", "selenium"),
            # They want Firefox and its driver.
            options=(
                "--ignore=src/bepasty/tests/test_website.py",
                "--ignore=src/bepasty/tests/screenshots.py",
                # The test that does not end is not to be waited for after each view.
                "--timeout=15",
            ),
        ),
        "pastebin: uploads in pieces, downloads with ranges, files on disk",
        "bepasty.app:create_app()",
        files={"bepasty.conf": _BEPASTY_SETTINGS, "storage/empty": ""},
        variables={"BEPASTY_CONFIG": "{folder}/bepasty.conf"},
        asyncify=True,
        note=(
            "a fixture waits for the end of every other thread of the process; that of the event loop stays. With any"
            " thread that stays, an idle daemon thread say, it fails on Flask too"
        ),
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
            excluded={
                "tests/unit/core/profiler/test_profiler.py::test_start_profiler_and_outlier_thread": (
                    "starts two threads and counts them; one may have ended by then: on a busy machine it has, on"
                    " Flask too"
                )
            },
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
    ),
    Application(
        Suite(
            "An Otter Wiki",
            "otterwiki",
            "2.26.1",
            tests=_WIKI_TESTS,
            extras=("beautifulsoup4",),
            options=("-p", "aeros_conformance.otterwiki_fixtures"),
        ),
        "wiki over a git repository: Flask-Login, Flask-SQLAlchemy, WTF, Mail, plugins",
        "wiki:app",
        sources=("otterwiki",),
        files={"wiki.py": _WIKI},
        variables={"SECRET_KEY": "only for tests, only for tests", "WTF_CSRF_ENABLED": "false"},
        note=(
            "it sends mail from a thread of its own; the teardown of its context is seen among the hooks of whichever"
            " request runs, and so these requests differ in the order of hooks"
        ),
    ),
    Application(
        Suite("moto server", "moto", "5.2.5", tests=_MOTO_TESTS, extras=("moto[server,all]", "freezegun", "requests")),
        "stand-in for the services of AWS: routes of regular expressions, hosts, Flask-CORS",
        "moto.moto_server.werkzeug_app:create_backend_app('s3')",
        sources=("moto/moto_server",),
    ),
)
