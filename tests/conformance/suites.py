"""The suites, in the order in which they are run, and the projects that have none to run."""

from __future__ import annotations

from .suite import Suite

_NO_TESTS = "the sdist has no tests"

_WATCHES_RUN_SIMPLE = (
    "puts a function in the place of werkzeug.serving.run_simple and looks at what run() hands to it;"
    " run() of a WebServer serves on uvicorn"
)

_FLASK_RUN = dict.fromkeys(
    (
        "tests/test_basic.py::test_run_defaults",
        "tests/test_basic.py::test_run_from_config",
        "tests/test_basic.py::test_run_server_port",
        "tests/test_basic.py::test_werkzeug_passthrough_errors",
    ),
    _WATCHES_RUN_SIMPLE,
) | {
    "tests/test_templating.py::test_templates_auto_reload_debug_run": (
        "calls run() and needs it to return at once because werkzeug.serving.run_simple is replaced"
    )
}

_LIMITER_TESTS = ("redis", "pymemcache", "pymongo", "hiro", "pytest-check", "pytest-mock", "pytest-cov")
_ADMIN_TESTS = (
    "flask-admin[sqlalchemy,sqlalchemy-lite,sqlalchemy-with-utils,peewee,images,export,translation]",
    "beautifulsoup4",
    "psycopg2-binary",
)
_ADMIN_SERVERS = (
    "fileadmin/test_fileadmin_azure.py",
    "fileadmin/test_fileadmin_s3.py",
    "geoa",
    "mongoengine",
    "pymongo",
    "sqla/test_postgres.py",
)
_APIFLASK_TESTS = ("pyyaml", "flask-httpauth", "authlib", "pydantic", "openapi-spec-validator", "email-validator")
_SECURITY_TESTS = (
    "argon2-cffi",
    "authlib",
    "bcrypt",
    "cbor2",
    "cryptography",
    "flask-babel",
    "flask-mail",
    "flask-sqlalchemy",
    "flask-sqlalchemy-lite",
    "freezegun",
    "mongoengine",
    "mongomock",
    "nh3",
    "peewee",
    "phonenumberslite",
    "qrcode",
    "requests",
    "sqlalchemy<2.1",
    "sqlalchemy-utils",
    "webauthn",
    "zxcvbn",
)

SUITES = (
    Suite(
        "Flask",
        "flask",
        "3.1.3",
        installed=False,
        extras=("python-dotenv", "greenlet"),
        excluded=_FLASK_RUN,
        quick=True,
    ),
    Suite(
        "Flask tutorial",
        "flask",
        "3.1.3",
        folder="examples/tutorial",
        installed=False,
        # Its fixture opens an sqlite3 connection that a coroutine function of Flask's cannot close: no request is made.
        lanes=("sync", "async"),
        quick=True,
    ),
    Suite("Flask-Caching", "flask-caching", "2.5.1", extras=("pylibmc", "redis", "pytest-xprocess", "pytest-asyncio")),
    Suite("Flask-Compress", "flask-compress", "1.25", extras=("flask-caching",)),
    Suite("Flask-Login", "flask-login", "0.6.3", extras=("semantic-version",)),
    Suite("Flask-WTF", "flask-wtf", "1.3.0", extras=("flask-babel", "flask-reuploaded", "email-validator")),
    Suite("Flask-SQLAlchemy", "flask-sqlalchemy", "3.1.1", overrides=("sqlalchemy<2.1",), makes_requests=False),
    Suite("Flask-Migrate", "flask-migrate", "4.1.0", makes_requests=False),
    Suite("Flask-CORS", "flask-cors", "6.0.5"),
    Suite(
        "Flask-Limiter",
        "flask-limiter",
        "4.1.1",
        extras=("flask-limiter[cli]", "flask-restful", "flask-restx", *_LIMITER_TESTS),
    ),
    Suite("Flask-RESTful", "flask-restful", "0.3.10", extras=("mock", "pynose")),
    Suite(
        "Flask-RESTX",
        "flask-restx",
        "1.3.2",
        extras=("faker", "mock", "pytest-benchmark", "pytest-flask", "pytest-mock", "tzlocal", "invoke"),
        # The sdist lacks a file that one module reads, and the file with the fixtures.
        options=("--ignore=tests/test_postman.py", "-p", "aeros_conformance.restx_fixtures"),
    ),
    Suite("Flask-Smorest", "flask-smorest", "0.47.0", extras=("pyyaml",)),
    Suite("Flask-JWT-Extended", "flask-jwt-extended", "4.7.4", extras=("cryptography", "python-dateutil")),
    Suite("Flask-HTTPAuth", "flask-httpauth", "4.8.1"),
    Suite("Flask-Talisman", "flask-talisman", "1.1.0", tests=("flask_talisman/talisman_test.py",)),
    Suite(
        "Flask-Assets",
        "flask-assets",
        "2.1.0",
        extras=("mock", "pyyaml"),
        overrides=("pytest<8",),
        makes_requests=False,
    ),
    Suite(
        "Flask-Marshmallow",
        "flask-marshmallow",
        "1.5.0",
        extras=("flask-marshmallow[sqlalchemy]",),
        makes_requests=False,
    ),
    # Without the parts that need a database server or a cloud.
    Suite(
        "Flask-Admin",
        "flask-admin",
        "2.2.1",
        tests=("flask_admin/tests",),
        extras=_ADMIN_TESTS,
        options=tuple(f"--ignore=flask_admin/tests/{part}" for part in _ADMIN_SERVERS),
    ),
    Suite("Flask-Security", "flask-security", "5.9.2", extras=_SECURITY_TESTS),
    Suite("APIFlask", "apiflask", "3.1.2", extras=_APIFLASK_TESTS),
    Suite("Flask-OpenAPI3", "flask-openapi3", "4.3.2", extras=("pyyaml", "flask-openapi3[yaml]")),
    Suite("Flask-Session", "flask-session", "0.5.0", tests=("test_session.py",), extras=("flask-sqlalchemy",)),
    Suite(
        "Flask-Mail", "flask-mail", "0.9.1", tests=("tests.py",), extras=("mock", "speaklater"), makes_requests=False
    ),
    Suite("Flask-Sock", "flask-sock", "0.7.0", makes_requests=False),
    Suite("Flask-SocketIO", "flask-socketio", "5.7.0", tests=("test_socketio.py",), extras=("redis",)),
    Suite(
        "OpenTelemetry",
        "opentelemetry-instrumentation-flask",
        "0.66b1",
        extras=("opentelemetry-test-utils==0.66b1",),
        # With its teardown function as a coroutine function it brings down pytest itself, on plain Flask.
        lanes=("sync", "async"),
    ),
    Suite(
        "Sentry",
        "sentry-sdk",
        "2.75.0",
        tests=("tests/integrations/flask",),
        agents=("sentry_sdk.integrations.flask",),
        extras=("flask-login", "jsonschema", "pytest-localserver", "brotli", "responses"),
    ),
    # The newest sdist of Quart that has tests. Many of them ask for what Quart has changed or removed since.
    Suite(
        "Quart",
        "quart",
        "0.15.1",
        installed=False,
        framework="quart",
        extras=("pytest-asyncio", "hypothesis", "mock", "py", "toml"),
        options=("-o", "asyncio_mode=auto", "-p", "aeros_conformance.quart_names"),
        lanes=("sync",),
        excluded={
            "tests/test_testing.py::test_methods": "wants a body in the answer to HEAD; there is none, as in Flask",
            "tests/test_testing.py::test_push_promise": "HTTP/2 push; uvicorn speaks HTTP/1.1",
            "tests/test_basic.py::test_root_path": (
                "wants 404 for a path that does not begin with root_path; some proxies take the prefix off"
            ),
        },
    ),
)

#: Projects that were looked at and are not run, or not in their newest version: the version looked at, and why.
WITHOUT_TESTS: dict[str, tuple[str, str]] = {
    "Authlib": ("1.9.9", _NO_TESTS),
    "Flask-Babel": ("4.0.0", f"{_NO_TESTS}; 2.0.0 has some, but does not run on Flask 3.1"),
    "Flask-Bcrypt": ("1.0.1", _NO_TESTS),
    "Flask-Classful": ("0.16.0", _NO_TESTS),
    "Flask-DebugToolbar": ("0.16.0", f"{_NO_TESTS}; 0.13.1 has some, but does not run on Flask 3.1"),
    "Flask-Mail": ("0.10.0", f"{_NO_TESTS}; 0.9.1 has some, and is run"),
    "Flask-Mailman": ("1.1.1", _NO_TESTS),
    "Flask-Principal": ("0.4.0 and 0.3.5", _NO_TESTS),
    "Flask-Session": ("0.8.0", f"{_NO_TESTS}; 0.5.0 has some, and is run"),
    "Quart": (
        "0.22.0, 0.21.0, 0.20.0, 0.19.9, 0.19.4, 0.18.4, 0.17.0, 0.16.3 and 0.16.0",
        f"{_NO_TESTS}; 0.15.1 has some, and they are run on Quart 0.22 and on the core of a WebServer",
    ),
    "WhiteNoise": ("6.12.0", "its tests are about Django and its own WSGI application; none uses Flask"),
}
