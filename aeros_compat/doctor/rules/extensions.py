"""Extensions whose own tests have not been run on a WebServer, or not in this version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..extensions import extensions_of
from ..finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..application import Application


def find(application: Application) -> Iterator[Finding]:
    """One finding for each of them."""
    for extension in extensions_of(application.app):
        if not extension.is_tested:
            tested = f"; those of {extension.tested} were" if extension.tested else ""
            yield Finding(
                "untested-extension",
                "info",
                f"The tests of {extension.name} {extension.version} were not run on a WebServer{tested}.",
                "Run your own tests on the WebServer: what they cover is what is known.",
            )
