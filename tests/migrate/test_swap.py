"""``aeros-compat swap``: what makes an application is replaced, all else stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aeros_compat import WebServer
from aeros_compat.migrate.source import Source
from aeros_compat.migrate.swap import Swap

from .code import app_of

if TYPE_CHECKING:
    from pathlib import Path


def swap(folder: Path, code: str) -> tuple[str, list[tuple[int, str]]]:
    path = folder / "shop.py"
    path.write_text(code)
    done = Swap(Source(path))
    path.write_bytes(done.result)
    assert Swap(Source(path)).result == done.result, "it is not idempotent"
    return done.result.decode(), done.notes


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from flask import Flask\napp = Flask(__name__)\n",
            "from aeros_compat import WebServer\napp = WebServer(__name__)\n",
        ),
        (
            "from flask import Flask as F, request\napp = F(__name__)\n",
            "from aeros_compat import WebServer\nfrom flask import request\napp = WebServer(__name__)\n",
        ),
        ("import flask\napp = flask.Flask('x')\n", "from aeros_compat import WebServer\napp = WebServer('x')\n"),
        (
            "import flask as fl\napp = fl.Flask('x')\nfl.g\n",
            "import flask as fl\nfrom aeros_compat import WebServer\n\napp = WebServer('x')\nfl.g\n",
        ),
        (
            "from flask.app import Flask\nclass App(Flask):\n    def __init__(self):\n"
            "        Flask.__init__(self, 'x')\napp = App()\n",
            "from aeros_compat import WebServer\nclass App(WebServer):\n    def __init__(self):\n"
            "        WebServer.__init__(self, 'x')\napp = App()\n",
        ),
        (
            "def make():\n    from flask import Flask  # late\n    return Flask('x')\napp = make()\n",
            "def make():\n    from aeros_compat import WebServer  # late\n    return WebServer('x')\napp = make()\n",
        ),
        (
            "from flask import (\n    Flask,  # ours\n    g,\n)\n\napp = (Flask)('x')\n",
            "from aeros_compat import WebServer\nfrom flask import (\n    g,\n)\n\napp = (WebServer)('x')\n",
        ),
        (
            "import os\nfrom flask import Flask\n\nWebServer = 1\napp = Flask('x')\n",
            "import os\nfrom aeros_compat import WebServer as AerosWebServer\n\nWebServer = 1\n"
            "app = AerosWebServer('x')\n",
        ),
        (
            "from aeros_compat import SimpleCache\nfrom flask import Flask, g\napp = Flask('x')\n",
            "from aeros_compat import SimpleCache, WebServer\nfrom flask import g\napp = WebServer('x')\n",
        ),
    ],
)
def test_swapped(tmp_path: Path, before: str, after: str) -> None:
    changed, _ = swap(tmp_path, before)
    assert changed == after
    assert isinstance(app_of(changed), WebServer)


def test_annotations_and_questions_keep_flask(tmp_path: Path) -> None:
    """A WebServer is a Flask: who asks for one takes both."""
    before = (
        "from __future__ import annotations\n\nfrom typing import TYPE_CHECKING, cast\n\nfrom flask import Flask\n\n"
        "if TYPE_CHECKING:\n    from flask.app import Flask as Other\n\n\n"
        "def make(other: Other | None = None) -> Flask:\n    app: Flask = Flask('x')\n"
        "    assert isinstance(app, Flask)\n    return cast(Flask, app)\n\n\napp = make()\n"
    )
    changed, notes = swap(tmp_path, before)
    assert changed == before.replace("= Flask('x')", "= WebServer('x')").replace(
        "from flask import Flask\n", "from aeros_compat import WebServer\nfrom flask import Flask\n"
    )
    assert notes == []
    assert isinstance(app_of(changed), WebServer)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "x = 'Flask(__name__)'  # Flask(__name__)\n",
        "from flask import Flask\n\ndef extend(app: Flask) -> None: ...\n",
        "from flask import Flask\nisinstance(1, Flask)\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from flask import Flask\napp: 'Flask'\n",
        "from quart import Quart as Flask\napp = Flask('x')\n",
        "class Flask: ...\napp = Flask()\n",
        "from flask import *\n",
        "from aeros_compat import WebServer\napp = WebServer('x')  # not Flask\n",
        "def make(Flask):\n    return Flask('x')\n",
    ],
)
def test_left_alone(tmp_path: Path, code: str) -> None:
    assert swap(tmp_path, code) == (code, [])


@pytest.mark.parametrize(
    ("code", "line", "text"),
    [
        ("from flask import Flask\nimport functools\nmake = functools.partial(Flask, 'x')\n", 3, "passed on"),
        ("from flask import Flask\ndef make(cls=Flask): return cls('x')\n", 2, "passed on"),
        ("from flask import Flask\nFlask.run = None\n", 2, "a WebServer has its own"),
        ("try:\n    from flask import Flask\nexcept ImportError:\n    Flask = None\nFlask('x')\n", 5, "two meanings"),
    ],
)
def test_what_somebody_should_look_at_is_told(tmp_path: Path, code: str, line: int, text: str) -> None:
    changed, notes = swap(tmp_path, code)
    assert changed == code
    assert [note[0] for note in notes] == [line]
    assert text in notes[0][1]


def test_an_import_that_others_use_stays(tmp_path: Path) -> None:
    code = "from flask import Flask  # noqa: F401\napp = Flask('x')\n"
    changed, _ = swap(tmp_path, code)
    assert (
        changed == "from aeros_compat import WebServer\nfrom flask import Flask  # noqa: F401\napp = WebServer('x')\n"
    )
