"""Names that Quart has renamed since the last release whose sdist has tests, for ``-p``."""

from __future__ import annotations

from quart import testing

testing.WebsocketResponse = testing.WebsocketResponseError  # type: ignore[attr-defined]
