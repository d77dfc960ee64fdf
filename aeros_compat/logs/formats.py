"""The two forms of a log record: a line for people, and JSON for programs."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .access import ACCESS, FORMAT
from .colours import bold, coloured_level, coloured_status
from .tracebacks import described

if TYPE_CHECKING:
    from .tracebacks import Extent

#: What a record has without any ``extra=`` of the user's: by itself, from formatters, and from uvicorn.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}

#: Control characters but for tabs and line breaks: a terminal would obey them.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_LINE_BREAK = re.compile("\n(?=[^\n])")


class TextFormatter(logging.Formatter):
    """One line for each record, and more, indented ones, for tracebacks and messages that have several.

    Nothing in a message can look like a line of its own, or move the cursor of a terminal.

    :param colours: whether level, status and request stand out.
    :param traceback: ``short`` begins at the user's code, ``full`` has every frame, ``none`` the exception alone.
    """

    def __init__(self, *, colours: bool = False, traceback: Extent = "short") -> None:
        super().__init__()
        self._colours = colours
        self._traceback = traceback

    def format(self, record: logging.LogRecord) -> str:
        # logging's own method would leave its text in the record, where the formatter of another handler finds it.
        parts = [record.getMessage()]
        if record.exc_info:
            parts.append(described(record.exc_info, self._traceback))
        if record.stack_info:
            parts.append(record.stack_info)
        text = _CONTROLS.sub(_escaped, "\n".join(parts))
        text = _LINE_BREAK.sub("\n  ", text)
        level = record.levelname
        if self._colours:
            level = coloured_level(record.levelno, level)
            if record.name == ACCESS and isinstance(record.args, dict):
                text = _coloured_line(record.args)
        if record.name == ACCESS:  # which names the worker in its own line
            return f"[{self.formatTime(record)}] {level} {text}"
        return f"[{self.formatTime(record)}] [{record.process}] {level} in {record.name}: {text}"


class JSONFormatter(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``logger``, ``message``, ``worker``; ``exception`` and ``stack`` if
    there are such; the fields of an access line; and under ``extra`` what a caller has given as ``extra=``.

    :param traceback: as in :class:`TextFormatter`.
    """

    def __init__(self, *, traceback: Extent = "short") -> None:
        super().__init__()
        self._traceback = traceback

    def format(self, record: logging.LogRecord) -> str:
        found: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "worker": record.process,
        }
        given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.name == ACCESS and isinstance(record.args, dict):
            found.update(record.args)
            given = {name: value for name, value in given.items() if name not in record.args}
        if record.exc_info:
            found["exception"] = described(record.exc_info, self._traceback)
        if record.stack_info:
            found["stack"] = record.stack_info
        if given:
            found["extra"] = given
        return _as_json(found)


def _as_json(found: dict[str, Any]) -> str:
    """``found`` in one line of ASCII, whatever somebody has put under ``extra``."""
    try:
        return json.dumps(found, allow_nan=False, default=str)
    except (TypeError, ValueError):  # a key that is none, a number that JSON does not have, an object inside of itself
        return json.dumps(found | {"extra": {str(name): repr(value) for name, value in found["extra"].items()}})


def _escaped(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"


def _coloured_line(fields: dict[str, Any]) -> str:
    request, _, rest = FORMAT.partition(" %(status)d")
    return f"{bold(request % fields)} {coloured_status(fields['status'])}{rest % fields}"
