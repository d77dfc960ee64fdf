"""The fixtures of An Otter Wiki's tests, for ``-p``: its sdist carries the tests without their ``conftest.py``."""

from __future__ import annotations

import os
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ADMIN = {"email": "mail@example.org", "password": "password1234"}
_OTHER = {"email": "another@user.org", "password": "password4567"}


def _settings(repository: Path) -> str:
    values = {
        "REPOSITORY": str(repository),
        "SITE_NAME": "TEST WIKI",
        "SECRET_KEY": "only for tests, only for tests",
        "TESTING": True,
        "DEBUG": True,
        "MAIL_SUPPRESS_SEND": True,
        "WTF_CSRF_ENABLED": False,
    }
    return "".join(f"{name} = {value!r}\n" for name, value in values.items())


@pytest.fixture
def create_app(tmp_path: Path) -> Iterator[Any]:
    """The application. It is made for the first test, by an import, and stays; its settings are put back."""
    repository = tmp_path / "repo"
    repository.mkdir()
    import_module("otterwiki.gitstorage").GitStorage(path=str(repository), initialize=True)
    (tmp_path / "settings.cfg").write_text(_settings(repository))
    os.environ["OTTERWIKI_SETTINGS"] = str(tmp_path / "settings.cfg")
    server = import_module("otterwiki.server")
    import_module("otterwiki.views")
    server.app.storage, server.app.test_mail = server.storage, server.mail
    server.app._otterwiki_tempdir = server.storage.path
    before = dict(server.app.config)
    yield server.app
    server.app.config.clear()
    server.app.config.update(before)


@pytest.fixture
def test_client(create_app: Any) -> Any:
    return create_app.test_client()


@pytest.fixture
def req_ctx(create_app: Any) -> Iterator[Any]:
    with create_app.test_request_context() as context:
        yield context


@pytest.fixture
def app_with_user(create_app: Any, req_ctx: Any) -> Any:
    """The application, with an administrator and somebody else as its users."""
    auth = import_module("otterwiki.auth")
    auth.db.session.query(auth.SimpleAuth.User).delete()
    auth.db.session.add(_user(auth, "Test User", _ADMIN, is_admin=True))
    auth.db.session.add(_user(auth, "Another User", _OTHER, is_admin=False))
    auth.db.session.commit()
    return create_app


def _user(auth: Any, name: str, known_by: dict[str, str], is_admin: bool) -> Any:
    now = datetime.now()
    secret = auth.generate_password_hash(known_by["password"], method="scrypt")
    facts = {"first_seen": now, "last_seen": now, "is_approved": True, "email_confirmed": True}
    return auth.SimpleAuth.User(name=name, email=known_by["email"], password_hash=secret, is_admin=is_admin, **facts)


@pytest.fixture
def admin_client(app_with_user: Any) -> Any:
    return _logged_in(app_with_user, _ADMIN)


@pytest.fixture
def other_client(app_with_user: Any) -> Any:
    return _logged_in(app_with_user, _OTHER)


def _logged_in(app: Any, known_by: dict[str, str]) -> Any:
    client = app.test_client()
    page = client.post("/-/login", data=known_by, follow_redirects=True)
    assert "You logged in successfully." in page.text
    return client
