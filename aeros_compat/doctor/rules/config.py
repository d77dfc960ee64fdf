"""Settings that mean something else, or something more, than under Flask. See the page of differences in the guide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application
    from ..finding import Severity

#: Each with the values that change nothing, and what happens with others.
_SETTINGS: dict[str, tuple[tuple[object, ...], Severity, str, str]] = {
    "MAX_CONTENT_LENGTH": (
        (None,),
        "info",
        "bodies without Content-Length (chunked) over it are answered with 413, where Werkzeug cuts them in silence.",
        "Nothing, unless a client relies on the cut.",
    ),
    "BODY_TIMEOUT": (
        (None,),
        "warning",
        "is Quart's: async views have so many seconds to read a body. Flask has no such limit.",
        "Take it out if it was set for another reason.",
    ),
    "RESPONSE_TIMEOUT": (
        (None,),
        "warning",
        "is Quart's: streams of async views end after so many seconds. Flask has no such limit.",
        "Take it out if it was set for another reason.",
    ),
    "SERVER_NAME": (
        (None,),
        "info",
        "is also where app.run() and aeros-compat run listen if no host and port are given.",
        "Give --host and --port where the name is not this machine's.",
    ),
    "PROPAGATE_EXCEPTIONS": (
        (None, False),
        "warning",
        "hands exceptions of views to the ASGI server, which logs them and closes the connection or answers 500 without"
        " the application's error page.",
        "Leave it to tests and to debug mode.",
    ),
    "TESTING": (
        (False, None),
        "warning",
        "is on in what is to be served: exceptions are propagated to the server.",
        "Set it in tests only.",
    ),
}


def find(application: Application) -> Iterator[Finding]:
    """One finding for each setting that has a value of its own."""
    for name, (harmless, severity, meaning, advice) in _SETTINGS.items():
        value = application.app.config.get(name)
        if not any(value is each for each in harmless):
            yield Finding("config", severity, f"{name} = {value!r} {meaning}", advice)
