"""The ``flask`` command, commands of the application, and the shell."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import flask
import pytest
import quart
from flask import Blueprint
from flask.cli import AppGroup, with_appcontext

if TYPE_CHECKING:
    from pathlib import Path

    from aeros_compat import WebServer

MODULE = """
from aeros_compat import WebServer
import flask, quart, asyncio

app = WebServer(__name__)

@app.get("/page/<int:number>")
async def page(number):
    return ""

@app.cli.command("sync")
def sync():
    print("sync", flask.current_app.name, quart.current_app.name)

@app.cli.command("awaited")
async def awaited():
    await asyncio.sleep(0)
    print("awaited", flask.current_app.name, quart.current_app.name)

@app.shell_context_processor
def shell():
    return {"extra": "from the processor"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "module.py").write_text(MODULE)
    return tmp_path


def run_flask(folder: Path, *arguments: str, stdin: str = "") -> str:
    command = [sys.executable, "-W", "error", "-m", "flask", "--app", "module", *arguments]
    done = subprocess.run(command, cwd=folder, input=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_flask_routes(folder: Path) -> None:
    assert "/page/<int:number>" in run_flask(folder, "routes")


def test_flask_shell(folder: Path) -> None:
    code = "import flask, quart\nprint(extra, app.name, flask.g is not None, quart.current_app is app.core)\n"
    assert "from the processor module True" in run_flask(folder, "shell", stdin=code)


def test_flask_commands(folder: Path) -> None:
    assert run_flask(folder, "sync") == "sync module module\n"
    assert run_flask(folder, "awaited") == "awaited module module\n"


def test_commands_through_the_test_runner(app: WebServer) -> None:
    blueprint = Blueprint("tools", __name__)
    group = AppGroup("group")

    @app.cli.command("add")
    @click.argument("numbers", nargs=-1, type=int)
    async def add(numbers: tuple[int, ...]) -> None:
        await asyncio.sleep(0)
        click.echo(f"{flask.current_app.name} {sum(numbers)}")

    @blueprint.cli.command("of-blueprint")
    async def of_blueprint() -> None:
        click.echo(quart.current_app.name)

    @group.command("nested")
    async def nested() -> None:
        click.echo("nested " + flask.current_app.name)

    @click.command("bare")
    @with_appcontext
    async def bare() -> None:
        click.echo("bare " + flask.current_app.name)

    app.register_blueprint(blueprint)
    app.cli.add_command(group)
    app.cli.add_command(bare)
    runner = app.test_cli_runner()
    assert runner.invoke(args=["add", "1", "2"]).output == f"{app.name} 3\n"
    assert runner.invoke(args=["tools", "of-blueprint"]).output == f"{app.name}\n"
    assert runner.invoke(args=["group", "nested"]).output == f"nested {app.name}\n"
    assert runner.invoke(args=["bare"]).output == f"bare {app.name}\n"


def test_failing_async_command_keeps_its_exception(app: WebServer) -> None:
    @app.cli.command("fail")
    async def fail() -> None:
        raise ValueError("no")

    result = app.test_cli_runner().invoke(args=["fail"])
    assert isinstance(result.exception, ValueError)
    assert result.exit_code == 1
