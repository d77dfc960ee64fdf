"""What ``WebServer.run`` can be told about logs, checked and brought into one form."""

from __future__ import annotations

import os
from typing import Any, Literal, NamedTuple, Self, cast, get_args

from uvicorn.config import LOG_LEVELS

from .tracebacks import EXTENTS, Extent

Form = Literal["text", "json"]

FORMS = get_args(Form)

#: The options, under the names that uvicorn and Aeros gave them.
NAMES = frozenset(
    {
        "access_log",
        "access_log_file",
        "access_log_to_std",
        "default_log_file",
        "log_format",
        "log_level",
        "log_to_std",
        "traceback",
        "use_colors",
    }
)


class LogOptions(NamedTuple):
    """How a server logs. Made by :meth:`of`."""

    #: None: from INFO on, unless the user has set a level of the loggers.
    level: int | None = None
    form: Form = "text"
    #: None: by the environment and the stream.
    colours: bool | None = None
    traceback: Extent = "short"
    to_std: bool = True
    file: str | None = None
    access: bool = True
    access_to_std: bool = True
    access_file: str | None = None

    @classmethod
    def of(cls, options: dict[str, Any]) -> Self:
        """Raises ValueError, with a sentence, for a value that cannot be."""
        return cls(
            level=_level(options.get("log_level")),
            form=cast("Form", _one_of("log_format", options.get("log_format", "text"), FORMS)),
            colours=_flag("use_colors", options.get("use_colors"), None),
            traceback=_extent(options.get("traceback", True)),
            to_std=bool(_flag("log_to_std", options.get("log_to_std"), True)),
            file=_path("default_log_file", options.get("default_log_file")),
            access=bool(_flag("access_log", options.get("access_log"), True)),
            access_to_std=bool(_flag("access_log_to_std", options.get("access_log_to_std"), True)),
            access_file=_path("access_log_file", options.get("access_log_file")),
        )


def _level(value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    level = LOG_LEVELS.get(value.lower()) if isinstance(value, str) else None
    if level is None:
        raise ValueError(f"log_level must be a number or one of {', '.join(LOG_LEVELS)}, not {value!r}.")
    return level


def _extent(value: Any) -> Extent:
    """Aeros knew True and False."""
    if isinstance(value, bool):
        return "short" if value else "none"
    return cast("Extent", _one_of("traceback", value, EXTENTS))


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}.")
    return str(value)


def _flag(name: str, value: Any, default: bool | None) -> bool | None:
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ValueError(f"{name} is True or False, not {value!r}.")
    return value


def _path(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise ValueError(f"{name} must be the path of a file, not {value!r}.")
    return os.path.abspath(os.fspath(value))
