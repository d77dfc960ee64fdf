"""One record as a line of text and as JSON, and its traceback."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
from typing import TYPE_CHECKING, Any

import pytest

from aeros_compat.logs.colours import wants_colours
from aeros_compat.logs.formats import JSONFormatter, TextFormatter

from ..asgi import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from aeros_compat import WebServer

    from ..conftest import Lane


def record_of(log: Callable[[logging.Logger], object]) -> logging.LogRecord:
    """What ``log`` logs."""
    found: list[logging.LogRecord] = []
    logger, handler = logging.Logger("shop.orders"), logging.Handler()
    handler.emit = found.append  # type: ignore[assignment, method-assign]
    logger.addHandler(handler)
    log(logger)
    return found[0]


def test_text() -> None:
    record = record_of(lambda logger: logger.warning("%d left", 3))
    record.created, record.msecs = 0.0, 0.0
    line = TextFormatter().format(record)
    assert line == f"[{TextFormatter().formatTime(record)}] [{record.process}] WARNING in shop.orders: 3 left"
    assert TextFormatter(colours=True).format(record) == line.replace("WARNING", "\x1b[33mWARNING\x1b[0m")


def test_text_that_would_look_like_a_line_or_move_the_cursor() -> None:
    text = TextFormatter(colours=True).format(
        record_of(lambda logger: logger.error("%s", "a\n[2026-01-01] forged\r\x1b[2J\x9b\x00\tb\n\nc"))
    )
    first, *others = text.split("\n")
    assert first.endswith("a")
    assert others == ["  [2026-01-01] forged\\x0d\\x1b[2J\\x9b\\x00\tb", "", "  c"]


def test_json_has_fixed_names() -> None:
    record = record_of(lambda logger: logger.info("n\u00e4chste\n%s", "Zeile", extra={"order": 7, "level": "theirs"}))
    text = JSONFormatter().format(record)
    assert "\n" not in text
    assert text.isascii()
    found = json.loads(text)
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "INFO",
        "logger": "shop.orders",
        "message": "n\u00e4chste\nZeile",
        "worker": record.process,
        "extra": {"order": 7, "level": "theirs"},
    }


def _circle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    "value",
    [object(), float("nan"), {1: 2}, {(1, 2): 3}, {"a", "b"}, b"\xff", "\udc80\u2028", _circle(), ValueError("x")],
)
def test_json_of_any_extra(value: Any) -> None:
    """Every line can be parsed, by others than Python too, which knows NaN."""
    record = record_of(lambda logger: logger.info("x", extra={"value": value, "other": 1}))
    text = JSONFormatter().format(record)
    found = json.loads(text, parse_constant=pytest.fail)
    assert found["message"] == "x"
    assert set(found["extra"]) == {"value", "other"}


def failing() -> None:
    try:
        os.environ["NO_SUCH_KEY"]
    except KeyError as error:
        raise ValueError("out") from error


def logged_by_flask(app: WebServer, lane: Lane) -> logging.LogRecord:
    """The record that ``app.logger`` gets of a view that fails."""
    app.testing = False
    app.add_url_rule("/x", view_func=lane(failing), endpoint="x")
    found: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = found.append  # type: ignore[assignment, method-assign]
    app.logger.addHandler(handler)
    asyncio.run(ask(app, "/x"))
    app.logger.removeHandler(handler)
    return found[0]


def files_of(text: str) -> list[str]:
    return [line.split('"')[1] for line in text.splitlines() if line.strip().startswith("File ")]


@pytest.mark.parametrize("formatter", [TextFormatter, JSONFormatter])
def test_traceback_begins_at_the_users_code(app: WebServer, lane: Lane, formatter: Any) -> None:
    """In the exception and in its cause; and nobody else's is touched by that."""
    record = logged_by_flask(app, lane)
    record.exc_text = None  # that of pytest's handler
    pythons = logging.Formatter().formatException(record.exc_info or (None, None, None))
    assert len(files_of(pythons)) > 2
    short = formatter().format(record)
    if formatter is JSONFormatter:
        short = json.loads(short)["exception"]
    assert "KeyError: 'NO_SUCH_KEY'" in short
    assert "The above exception was the direct cause" in short
    assert short.rstrip().endswith("ValueError: out")
    ours = files_of(short)
    assert ours[0] == ours[-1] == __file__
    assert len(ours) < len(files_of(pythons))
    assert record.exc_text is None  # where other formatters would find our text
    assert logging.Formatter().format(record).endswith(pythons)


def test_all_of_it_or_the_exception_alone(app: WebServer, lane: Lane) -> None:
    record = logged_by_flask(app, lane)
    pythons = logging.Formatter().formatException(record.exc_info or (None, None, None))
    assert files_of(TextFormatter(traceback="full").format(record)) == files_of(pythons)
    assert TextFormatter(traceback="none").format(record).splitlines()[1:] == ["  ValueError: out"]


def test_groups_and_exceptions_without_any_code_of_the_users() -> None:
    try:
        raise ExceptionGroup("two", [ValueError("one"), KeyError("other")])
    except ExceptionGroup:
        record = record_of(lambda logger: logger.exception("failed"))
    text = TextFormatter().format(record)
    assert "ValueError: one" in text
    assert "KeyError: 'other'" in text
    try:
        logging.getLevelNamesMapping()[1]  # type: ignore[index]
    except KeyError:
        assert files_of(TextFormatter().format(record_of(lambda logger: logger.exception("x")))) == [__file__]


def test_stack_info() -> None:
    record = record_of(lambda logger: logger.info("here", stack_info=True))
    assert "  Stack (most recent call last):" in TextFormatter().format(record)
    assert json.loads(JSONFormatter().format(record))["stack"].startswith("Stack")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "setting", "terminal", "pipe"),
    [
        ({}, None, True, False),
        ({"TERM": "dumb"}, None, False, False),
        ({"NO_COLOR": ""}, None, True, False),
        ({"NO_COLOR": "1"}, None, False, False),
        ({"FORCE_COLOR": "1"}, None, True, True),
        ({"FORCE_COLOR": ""}, None, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, None, False, False),
        ({"NO_COLOR": "1"}, True, True, True),
        ({"FORCE_COLOR": "1"}, False, False, False),
    ],
)
def test_who_decides_about_colours(
    environment: pytest.MonkeyPatch, variables: dict[str, str], setting: bool | None, terminal: bool, pipe: bool
) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)
    assert wants_colours(_Terminal(), setting) is terminal
    assert wants_colours(io.StringIO(), setting) is pipe
