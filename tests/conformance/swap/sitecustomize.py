"""Python imports this by itself when it starts: tests that start a ``flask`` command get the replacement there too."""

from aeros_conformance.replacement import replace  # type: ignore[import-not-found]

replace()
