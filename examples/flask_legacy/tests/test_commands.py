import os
import stat

import pytest

from hangar import create_app
from hangar.db import fetch_one, fetch_value, read_secret_key


@pytest.fixture
def fresh(settings, tmp_path):
    """An application whose database and folders do not exist yet."""

    class Fresh(settings):
        DATABASE = str(tmp_path / "new" / "hangar.sqlite")
        UPLOAD_FOLDER = str(tmp_path / "new" / "documents")

    return create_app(Fresh)


def test_init_db_and_import_data(fresh):
    runner = fresh.test_cli_runner()
    result = runner.invoke(args=["init-db"])
    assert "The database is ready" in result.output
    assert os.path.isdir(fresh.config["UPLOAD_FOLDER"])
    result = runner.invoke(args=["import-data"])
    assert result.output == "Imported 339 airports.\nImported 3322 aircraft.\n"
    assert fresh.test_client().get("/aircraft/N102UW").status_code == 200


def test_init_db_keeps_the_rows(app, runner):
    assert runner.invoke(args=["init-db"]).exit_code == 0
    with app.app_context():
        assert fetch_value("SELECT count(*) FROM aircraft") == 3322


def test_init_db_with_reset(app, runner):
    assert runner.invoke(args=["init-db", "--reset"]).exit_code == 0
    with app.app_context():
        assert fetch_value("SELECT count(*) FROM aircraft") == 0


def test_init_db_writes_a_secret_key(fresh, tmp_path):
    fresh.instance_path = str(tmp_path / "instance")
    fresh.config["SECRET_KEY"] = None
    fresh.test_cli_runner().invoke(args=["init-db"])
    path = tmp_path / "instance" / "secret_key"
    assert fresh.secret_key == path.read_text()
    assert len(fresh.secret_key) == 64
    assert read_secret_key(fresh) == fresh.secret_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_import_data_of_other_files(app, runner, tmp_path):
    path = tmp_path / "more.csv"
    path.write_text(
        "tail_number,year,type,manufacturer,model,engines,seats,speed,engine\n"
        "N102UW,1999,Fixed wing multi engine,AIRBUS,A320-214,2,150,,Turbo-fan\n"
        "N4711C,,Fixed wing single engine,CESSNA,172N,1,4,120,Reciprocating\n"
    )
    result = runner.invoke(args=["import-data", "--aircraft", str(path)])
    assert result.output == "Imported 339 airports.\nImported 2 aircraft.\n"
    with app.app_context():
        assert fetch_value("SELECT count(*) FROM aircraft") == 3323
        assert fetch_one("SELECT * FROM aircraft WHERE tail_number = 'N102UW'")["seats"] == 150
        assert fetch_one("SELECT * FROM aircraft WHERE tail_number = 'N4711C'")["year"] is None


def test_import_data_of_no_file(runner):
    result = runner.invoke(args=["import-data", "--aircraft", "nowhere.csv"])
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_users(app, runner):
    result = runner.invoke(
        args=["users", "add", "kim", "--name", "Kim", "--lead", "--password", "kim-password"]
    )
    assert result.output == "Added kim.\n"
    assert "kim\tlead\tKim\n" in runner.invoke(args=["users", "list"]).output
    data = {"username": "kim", "password": "kim-password"}
    assert app.test_client().post("/auth/login", data=data).status_code == 302


def test_user_that_exists(runner):
    result = runner.invoke(args=["users", "add", "lee", "--password", "something"])
    assert result.exit_code == 1
    assert "The user name lee is taken." in result.output
